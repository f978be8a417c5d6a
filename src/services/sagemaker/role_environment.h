// How a job or a model server gets its role's credentials.
#pragma once

#include <chrono>
#include <map>
#include <string>

#include "services/iam/interface.h"

namespace tidemill::services::sagemaker {

// Environment variables that every AWS SDK reads: where the server's credential endpoint is and the
// token for it. `grant.holder` is the job's id in compute/; whoever removes the job calls
// revoke_role() with it. `server` is this server's address, "http://127.0.0.1:4566".
//
// SDKs trust plain http of the loopback interface only, and https only with a certificate that the
// system knows: where the server has another address, the variables are keys that are good for
// `lifetime`.
Result<std::map<std::string, std::string>> role_environment(iam::IamInterface& iam,
                                                            const std::string& server,
                                                            const iam::RoleGrant& grant,
                                                            std::chrono::seconds lifetime);

}  // namespace tidemill::services::sagemaker
