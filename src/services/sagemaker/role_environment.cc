#include "services/sagemaker/role_environment.h"

namespace tidemill::services::sagemaker {

namespace {

bool sdks_trust(std::string_view server) {
  for (std::string_view host : {"http://127.0.0.1:", "http://localhost:", "http://[::1]:"})
    if (server.starts_with(host)) return true;
  return false;
}

}  // namespace

Result<std::map<std::string, std::string>> role_environment(iam::IamInterface& iam,
                                                            const std::string& server,
                                                            const iam::RoleGrant& grant,
                                                            std::chrono::seconds lifetime) {
  std::map<std::string, std::string> variables;
  if (sdks_trust(server)) {
    variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = TRY(iam.grant_role(grant));
    variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] =
        server + std::string(iam::kCredentialsPath) + grant.holder;
    return variables;
  }
  iam::TemporaryCredentials keys =
      TRY(iam.issue_role_credentials(grant.role_arn, grant.session_name, lifetime));
  variables["AWS_ACCESS_KEY_ID"] = keys.access_key_id;
  variables["AWS_SECRET_ACCESS_KEY"] = keys.secret_access_key;
  variables["AWS_SESSION_TOKEN"] = keys.session_token;
  return variables;
}

}  // namespace tidemill::services::sagemaker
