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

template <class Request, class Arguments>
Result<void> take_policies(const Request& request, Arguments& arguments) {
  if (request.policy) arguments.policies.push_back(*request.policy);
  if (!request.policy_arns) return {};
  for (const api::sts::PolicyDescriptorType& policy : *request.policy_arns) {
    // Without its policy the session would have more than the caller meant to give.
    if (!policy.arn)
      return fail("ValidationError",
                  "1 validation error detected: Value null at 'policyArns." +
                      std::to_string(arguments.policy_arns.size() + 1) +
                      ".member.arn' failed to satisfy constraint: Member must not be null",
                  400);
    arguments.policy_arns.push_back(*policy.arn);
  }
  return {};
}

std::vector<iam::SessionTag> session_tags(const std::vector<api::sts::Tag>& tags) {
  std::vector<iam::SessionTag> out;
  out.reserve(tags.size());
  for (const api::sts::Tag& tag : tags) out.push_back({tag.key, tag.value});
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
  if (request.provided_contexts)
    return fail("ValidationError",
                "Tidemill has no IAM Identity Center, whose contexts ProvidedContexts holds: leave "
                "it out.",
                400);
  iam::AssumeRole arguments;
  arguments.role_arn = request.role_arn;
  arguments.session_name = request.role_session_name;
  arguments.lifetime =
      request.duration_seconds ? std::chrono::seconds(*request.duration_seconds) : kRoleLifetime;
  arguments.external_id = request.external_id.value_or("");
  arguments.source_identity = request.source_identity.value_or("");
  TRY(take_policies(request, arguments));
  if (request.tags) arguments.tags = session_tags(*request.tags);
  if (request.transitive_tag_keys) arguments.transitive_tag_keys = *request.transitive_tag_keys;
  const iam::TemporaryCredentials credentials = TRY(sessions.assume_role(context, arguments));
  ops::AssumeRole::Output out;
  out.credentials = api_credentials(credentials);
  out.assumed_role_user =
      api::sts::AssumedRoleUser{credentials.assumed_role_id, credentials.assumed_role_arn};
  if (!credentials.source_identity.empty()) out.source_identity = credentials.source_identity;
  out.packed_policy_size = credentials.packed_policy_percent;
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

Result<ops::GetFederationToken::Output> get_federation_token(
    iam::SessionInterface& sessions, Context& context,
    const ops::GetFederationToken::Input& request) {
  iam::FederationToken arguments;
  arguments.name = request.name;
  if (request.duration_seconds)
    arguments.lifetime = std::chrono::seconds(*request.duration_seconds);
  TRY(take_policies(request, arguments));
  if (request.tags) arguments.tags = session_tags(*request.tags);
  const iam::TemporaryCredentials credentials = TRY(sessions.federation_token(context, arguments));
  ops::GetFederationToken::Output out;
  out.credentials = api_credentials(credentials);
  out.federated_user =
      api::sts::FederatedUser{credentials.assumed_role_id, credentials.assumed_role_arn};
  out.packed_policy_size = credentials.packed_policy_percent;
  return out;
}

Result<ops::AssumeRoleWithWebIdentity::Output> assume_role_with_web_identity(
    iam::SessionInterface& sessions, Context& context,
    const ops::AssumeRoleWithWebIdentity::Input& request) {
  if (request.provider_id)
    return fail("ValidationError",
                "ProviderId is for OAuth 2.0 tokens of Amazon and Facebook, which Tidemill does "
                "not take: leave it out.",
                400);
  iam::AssumeRoleWithWebIdentity arguments;
  arguments.role_arn = request.role_arn;
  arguments.session_name = request.role_session_name;
  arguments.token = request.web_identity_token;
  if (request.duration_seconds)
    arguments.lifetime = std::chrono::seconds(*request.duration_seconds);
  TRY(take_policies(request, arguments));
  const iam::WebIdentityCredentials issued =
      TRY(sessions.assume_role_with_web_identity(context, arguments));
  ops::AssumeRoleWithWebIdentity::Output out;
  out.credentials = api_credentials(issued.credentials);
  out.assumed_role_user = api::sts::AssumedRoleUser{issued.credentials.assumed_role_id,
                                                    issued.credentials.assumed_role_arn};
  out.subject_from_web_identity_token = issued.subject;
  out.provider = issued.provider;
  out.audience = issued.audience;
  if (!issued.credentials.source_identity.empty())
    out.source_identity = issued.credentials.source_identity;
  out.packed_policy_size = issued.credentials.packed_policy_percent;
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
  registry.add<ops::GetFederationToken>([&sessions](Context& context, const auto& request) {
    return get_federation_token(sessions, context, request);
  });
  registry.add<ops::AssumeRoleWithWebIdentity>([&sessions](Context& context, const auto& request) {
    return assume_role_with_web_identity(sessions, context, request);
  });
  registry.add<ops::GetAccessKeyInfo>([&sessions](Context&, const auto& request) {
    return get_access_key_info(sessions, request);
  });
}

}  // namespace tidemill::services::sts
