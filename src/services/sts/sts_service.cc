#include "services/sts/sts_service.h"

#include "api/sts/identity.h"

namespace tidemill::services::sts {
namespace {

namespace ops = api::sts::operations;

constexpr std::chrono::seconds kRoleLifetime{3600};
constexpr std::chrono::seconds kSessionTokenLifetime{43'200};

api::sts::Credentials api_credentials(const iam::TemporaryCredentials& credentials) {
  return {credentials.access_key_id, credentials.secret_access_key, credentials.session_token,
          credentials.expiration};
}

Result<ops::GetCallerIdentity::Output> get_caller_identity(const Context& context) {
  ops::GetCallerIdentity::Output out;
  out.user_id = context.principal.user_id;
  out.account = context.account();
  out.arn = context.principal.arn;
  return out;
}

std::unexpected<Error> no_multi_factor() {
  return fail(
      "AccessDenied",
      "MultiFactorAuthentication failed: Tidemill has no MFA devices; leave out SerialNumber "
      "and TokenCode.",
      403);
}

Result<ops::AssumeRole::Output> assume_role(iam::SessionInterface& sessions, Context& context,
                                            const ops::AssumeRole::Input& request) {
  if (request.serial_number || request.token_code) return no_multi_factor();
  // Accepting but ignoring tags would make policies on aws:PrincipalTag ineffective.
  if ((request.tags && !request.tags->empty()) ||
      (request.transitive_tag_keys && !request.transitive_tag_keys->empty()))
    return fail("ValidationError",
                "Tidemill's sessions take no tags: leave out Tags and TransitiveTagKeys.", 400);
  iam::AssumeRole arguments;
  arguments.role_arn = request.role_arn;
  arguments.session_name = request.role_session_name;
  arguments.lifetime =
      request.duration_seconds ? std::chrono::seconds(*request.duration_seconds) : kRoleLifetime;
  arguments.external_id = request.external_id.value_or("");
  arguments.source_identity = request.source_identity.value_or("");
  if (request.policy) arguments.policies.push_back(*request.policy);
  if (request.policy_arns)
    for (const api::sts::PolicyDescriptorType& policy : *request.policy_arns)
      if (policy.arn) arguments.policy_arns.push_back(*policy.arn);
  const iam::TemporaryCredentials credentials = TRY(sessions.assume_role(context, arguments));
  ops::AssumeRole::Output out;
  out.credentials = api_credentials(credentials);
  out.assumed_role_user =
      api::sts::AssumedRoleUser{credentials.assumed_role_id, credentials.assumed_role_arn};
  out.source_identity = request.source_identity;
  return out;
}

Result<ops::GetSessionToken::Output> get_session_token(iam::SessionInterface& sessions,
                                                       Context& context,
                                                       const ops::GetSessionToken::Input& request) {
  if (request.serial_number || request.token_code) return no_multi_factor();
  const auto lifetime = request.duration_seconds ? std::chrono::seconds(*request.duration_seconds)
                                                 : kSessionTokenLifetime;
  ops::GetSessionToken::Output out;
  out.credentials = api_credentials(TRY(sessions.session_token(context, lifetime)));
  return out;
}

Result<ops::GetAccessKeyInfo::Output> get_access_key_info(
    iam::SessionInterface& sessions, const ops::GetAccessKeyInfo::Input& request) {
  ops::GetAccessKeyInfo::Output out;
  out.account = sessions.account_of_access_key(request.access_key_id);
  if (!out.account)
    return fail("ValidationError",
                "The access key " + request.access_key_id + " belongs to no account here.", 400);
  return out;
}

}  // namespace

void StsService::add_to(Registry& registry) {
  iam::SessionInterface& sessions = sessions_;
  registry.add<ops::GetCallerIdentity>(
      [](Context& context, const auto&) { return get_caller_identity(context); });
  registry.add<ops::AssumeRole>([&sessions](Context& context, const auto& request) {
    return assume_role(sessions, context, request);
  });
  registry.add<ops::GetSessionToken>([&sessions](Context& context, const auto& request) {
    return get_session_token(sessions, context, request);
  });
  registry.add<ops::GetAccessKeyInfo>([&sessions](Context&, const auto& request) {
    return get_access_key_info(sessions, request);
  });
}

}  // namespace tidemill::services::sts
