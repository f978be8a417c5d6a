// AssumeRoleWithWebIdentity: the token of an OpenID Connect provider in place of a signature.
#include <algorithm>

#include "services/iam/authorization/request_conditions.h"
#include "services/iam/credentials/credential_store.h"
#include "services/iam/errors.h"
#include "services/iam/iam_asking.h"
#include "services/iam/oidc/handlers.h"
#include "services/iam/oidc/provider_keys.h"
#include "services/iam/session_parts.h"

namespace tidemill::services::iam {
namespace {

constexpr std::string_view kTagsClaim = "https://aws.amazon.com/tags";
constexpr std::string_view kSourceIdentityClaim = "https://aws.amazon.com/source_identity";
// Clocks of providers and of this machine differ.
constexpr std::int64_t kClockSkewSeconds = 300;

std::unexpected<Error> invalid_token(std::string message) {
  return fail("InvalidIdentityToken", std::move(message), 400);
}
std::unexpected<Error> not_trusted() {
  return fail("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity", 403);
}

std::string text_claim(const Value& claims, std::string_view name) {
  const Value* value = claims.find(name);
  return value && value->as_string() ? *value->as_string() : std::string();
}
std::optional<std::int64_t> seconds_claim(const Value& claims, std::string_view name) {
  const Value* value = claims.find(name);
  if (!value) return std::nullopt;
  if (const std::int64_t* number = value->get_if<std::int64_t>()) return *number;
  // Far within the range of int64, beyond which the conversion of a double is undefined.
  constexpr double kMax = 1e15;
  if (const double* number = value->get_if<double>(); number && *number > -kMax && *number < kMax)
    return std::int64_t(*number);
  return std::nullopt;
}
// One text or a list of them.
std::vector<std::string> texts_claim(const Value& claims, std::string_view name) {
  std::vector<std::string> out;
  const Value* value = claims.find(name);
  if (!value) return out;
  if (value->as_string()) out.push_back(*value->as_string());
  if (const ValueList* list = value->as_list())
    for (const Value& each : *list)
      if (each.as_string()) out.push_back(*each.as_string());
  return out;
}

Result<void> check_times(const Value& claims, Timestamp now) {
  const std::int64_t current = now.microseconds / 1'000'000;
  const auto expires = seconds_claim(claims, "exp"), issued = seconds_claim(claims, "iat");
  const auto begins = seconds_claim(claims, "nbf");
  if (!expires) return invalid_token("Missing a required claim: exp");
  if (!issued) return invalid_token("Missing a required claim: iat");
  if (*expires <= current)
    return fail("ExpiredTokenException",
                "Token expired: current date/time " + std::to_string(current) +
                    " must be before the expiration date/time " + std::to_string(*expires),
                400);
  if (*issued > current + kClockSkewSeconds || begins.value_or(0) > current + kClockSkewSeconds)
    return invalid_token("The token is not valid yet.");
  return {};
}

// The tags that the provider gives the session:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html
Result<void> read_tags(const Value& claims, AssumeRole& out) {
  const Value* given = claims.find(kTagsClaim);
  if (!given) return {};
  const Value* tags = given->find("principal_tags");
  if (tags && tags->as_object())
    for (const auto& [key, value] : *tags->as_object()) {
      const std::vector<std::string> texts = texts_claim(*tags, key);
      if (texts.size() != 1)
        return invalid_token("The token's tag " + key + " must have exactly one value.");
      out.tags.push_back({key, texts.front()});
    }
  out.transitive_tag_keys = texts_claim(*given, "transitive_tag_keys");
  return {};
}

// The claims that a role's trust policy can ask for: "<provider>:sub" and the like.
ConditionContext claim_keys(const OidcProviderRecord& provider, const Value& claims,
                            const AssumeRole& request) {
  ConditionContext given{{"sts:RoleSessionName", {request.session_name}},
                         {"sts:SourceIdentity", {}},
                         {"aws:FederatedProvider", {provider.arn()}}};
  if (!request.source_identity.empty()) given["sts:SourceIdentity"] = {request.source_identity};
  // AWS puts the authorized party, where there is one, in the place of the audience.
  const std::string party = text_claim(claims, "azp");
  given[provider.url + ":aud"] =
      party.empty() ? texts_claim(claims, "aud") : std::vector<std::string>{party};
  given[provider.url + ":oaud"] = texts_claim(claims, "aud");
  for (const char* name : {"sub", "amr", "azp"})
    given[provider.url + ":" + name] = texts_claim(claims, name);
  add_tag_keys(request.tags, request.transitive_tag_keys, given);
  return given;
}

}  // namespace

Result<WebIdentityCredentials> IamService::assume_role_with_web_identity(
    const Context& context, const AssumeRoleWithWebIdentity& request) {
  const std::optional<RoleArn> arn = parse_role_arn(request.role_arn);
  if (!arn) return validation_error(request.role_arn + " is invalid");
  const Jwt token = TRY(parse_jwt(request.token));
  const std::string issuer = text_claim(token.claims, "iss");
  for (const char* required : {"iss", "sub", "aud"})
    if (texts_claim(token.claims, required).empty())
      return invalid_token(std::string("Missing a required claim: ") + required);
  std::string url = issuer;
  if (url.starts_with("https://")) url.erase(0, 8);
  if (url.ends_with('/')) url.pop_back();
  const Result<OidcProviderRecord> provider = oidc_provider(
      *state_, arn->account, "arn:aws:iam::" + arn->account + ":oidc-provider/" + url);
  if (!provider && provider.error().code == "NoSuchEntity")
    return invalid_token("No OpenIDConnect provider found in your account for " + issuer);
  TRY(provider);
  TRY(provider_keys_->verify(*provider, token));
  TRY(check_times(token.claims, state_->now()));
  const std::vector<std::string> audiences = texts_claim(token.claims, "aud");
  const std::string party = text_claim(token.claims, "azp");
  const auto admitted = [&](const std::string& id) {
    return std::ranges::find(provider->client_ids, id) != provider->client_ids.end();
  };
  if (party.empty() ? std::ranges::none_of(audiences, admitted) : !admitted(party))
    return invalid_token("Incorrect token audience");

  AssumeRole assumed{request.role_arn, request.session_name};
  assumed.source_identity = text_claim(token.claims, kSourceIdentityClaim);
  TRY(read_tags(token.claims, assumed));
  TRY(check_session_tags(assumed.tags, assumed.transitive_tag_keys, nullptr));
  const std::optional<RoleRecord> role = TRY(state_->find_role(arn->account, arn->name));
  if (!role || role->arn() != request.role_arn) return not_trusted();
  const ConditionContext given = claim_keys(*provider, token.claims, assumed);
  const RequestFacts facts = facts_of(context);
  CallerFacts caller;
  caller.type = {};
  caller.temporary = false;
  const std::string provider_arn = provider->arn();
  const auto trusts = [&](std::string_view action) {
    return trust_of(*role, action, {.provider = provider_arn}, facts, caller, given) ==
           Grant::direct;
  };
  if (!trusts("sts:AssumeRoleWithWebIdentity") ||
      (!assumed.tags.empty() && !trusts("sts:TagSession")) ||
      (!assumed.source_identity.empty() && !trusts("sts:SetSourceIdentity")))
    return not_trusted();
  if (request.lifetime.count() > role->max_session_duration_seconds)
    return validation_error(
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.");

  SessionRecord session = make_role_session(*arn, role->id, request.session_name,
                                            state_->now_seconds() + request.lifetime);
  session.source_identity = assumed.source_identity;
  session.provider = provider_arn;
  take_session_tags(assumed.tags, assumed.transitive_tag_keys, nullptr, session);
  const std::optional<std::int64_t> packed =
      TRY(add_session_policies(arn->account, request.policies, request.policy_arns, session));
  WebIdentityCredentials out;
  out.credentials = to_credentials(TRY(credentials_->issue(std::move(session))));
  out.credentials.packed_policy_percent = packed;
  out.subject = text_claim(token.claims, "sub");
  out.provider = provider_arn;
  out.audience = party.empty() ? audiences.front() : party;
  return out;
}

}  // namespace tidemill::services::iam
