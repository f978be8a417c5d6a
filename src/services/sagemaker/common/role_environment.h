// The variables by which a job or a model server gets its role's credentials.
#pragma once

#include <map>
#include <string>

#include "services/iam/interface.h"

namespace tidemill::services::sagemaker {

// The environment variables, read by every AWS SDK, with the address of the server's credential
// endpoint and its token. `grant.holder` is the job's id in compute/; removing the job calls
// revoke_role() with it, which ends the keys. `credentials_url` comes from JobNetwork; "": no
// variables, because the job has no credentials.
//
// The environment never contains keys, since these could be neither renewed nor revoked.
Result<std::map<std::string, std::string>> role_environment(iam::IamInterface& iam,
                                                            const std::string& credentials_url,
                                                            const iam::RoleGrant& grant);

}  // namespace tidemill::services::sagemaker
