#include "services/sagemaker/common/role_environment.h"

namespace tidemill::services::sagemaker {

Result<std::map<std::string, std::string>> role_environment(iam::IamInterface& iam,
                                                            const std::string& credentials_url,
                                                            const iam::RoleGrant& grant) {
  std::map<std::string, std::string> variables;
  if (credentials_url.empty()) return variables;
  variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = TRY(iam.grant_role(grant));
  variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] =
      credentials_url + std::string(iam::kCredentialsPath) + grant.holder;
  return variables;
}

}  // namespace tidemill::services::sagemaker
