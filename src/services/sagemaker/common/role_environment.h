// How a job or a model server gets its role's credentials.
#pragma once

#include <map>
#include <string>

#include "services/iam/interface.h"

namespace tidemill::services::sagemaker {

// Environment variables that every AWS SDK reads: where the server's credential endpoint is and the
// token for it. `grant.holder` is the job's id in compute/; whoever removes the job calls
// revoke_role() with it, and the keys end with it. `credentials_url` is JobNetwork's; "" no
// variables: the job has no credentials.
//
// There are never keys in the environment: those could neither be renewed nor taken back.
Result<std::map<std::string, std::string>> role_environment(iam::IamInterface& iam,
                                                            const std::string& credentials_url,
                                                            const iam::RoleGrant& grant);

}  // namespace tidemill::services::sagemaker
