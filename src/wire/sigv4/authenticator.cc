#include "wire/sigv4/authenticator.h"

#include <algorithm>
#include <utility>

#include "base/cipher.h"
#include "base/clock.h"
#include "wire/sigv4/canonical.h"
#include "wire/sigv4/errors.h"
#include "wire/sigv4/limits.h"
#include "wire/sigv4/payload.h"
#include "wire/sigv4/signed_request.h"
#include "wire/sigv4/sigv2.h"

namespace tidemill::wire::sigv4 {
namespace {

// Values of the condition key s3:authType.
constexpr std::string_view kByHeader = "REST-HEADER", kByQuery = "REST-QUERY-STRING";
constexpr std::string_view kSecurityToken = "x-amz-security-token";

// From the header, or in presigned URLs from the query.
std::string_view session_token(const HttpRequest& request) {
  if (const std::string* header = request.headers.find(kSecurityToken)) return *header;
  for (const QueryParameter& parameter : request.query)
    if (equal_ignoring_case(parameter.name, kSecurityToken)) return parameter.value;
  return {};
}

Result<void> check_time(Dialect dialect, const SignedRequest& request, Timestamp now) {
  const bool from_the_future = request.time > now + kClockSkewMax;
  if (!request.presigned) {
    if (from_the_future || request.time < now + -kClockSkewMax)
      return fail(skewed(dialect, request.time, now));
    return {};
  }
  if (from_the_future) {
    if (dialect == Dialect::s3) return fail("AccessDenied", "Request is not valid yet", 403);
    return fail(skewed(dialect, request.time, now));
  }
  const Timestamp expires = request.time + std::chrono::seconds(request.expires_seconds);
  if (now > expires) return fail(presigned_expired(dialect, expires, now, request.expires_text));
  return {};
}

// Signatures name headers in lower case.
bool is_lower_case_of(std::string_view lower, std::string_view name) {
  if (lower.size() != name.size()) return false;
  for (std::size_t i = 0; i < name.size(); ++i)
    if (lower[i] != (name[i] >= 'A' && name[i] <= 'Z' ? char(name[i] + 32) : name[i])) return false;
  return true;
}

// Refuses headers that an attacker could add to a request signed by somebody else.
Result<void> check_signed_headers(Dialect dialect, const HttpRequest& request,
                                  const SignedRequest& signed_request) {
  std::string missing;
  auto require = [&](std::string_view name) {
    const auto is_it = [&](std::string_view each) { return is_lower_case_of(each, name); };
    if (std::ranges::any_of(signed_request.signed_headers, is_it)) return;
    if (!missing.empty()) missing += ", ";
    missing += lower_case(name);
  };
  require("host");
  bool has_amz_date = false;
  for (const auto& [name, value] : request.headers.fields()) {
    if (name.size() < 6 || !equal_ignoring_case(std::string_view(name).substr(0, 6), "x-amz-"))
      continue;
    const bool is_date = equal_ignoring_case(name, "x-amz-date");
    has_amz_date |= is_date;
    if (dialect == Dialect::s3) {
      // Some clients that use presigned URLs add this header on their own.
      if (!signed_request.presigned || !equal_ignoring_case(name, "x-amz-content-sha256"))
        require(name);
    } else if (is_date || equal_ignoring_case(name, "x-amz-target")) {
      require(name);
    }
  }
  if (!signed_request.presigned && !has_amz_date) require("date");
  if (!missing.empty()) return fail(unsigned_headers(dialect, missing));
  return {};
}

bool is_s3(Dialect dialect, const Scope& scope) {
  return dialect == Dialect::s3 || scope.service == "s3";
}

std::string root_arn(std::string_view account) {
  return "arn:aws:iam::" + std::string(account) + ":root";
}

// "AKID/20261123/us-east-1/s3/aws4_request" from the header or the presigned URL, unchanged.
std::string_view claimed_credential(const HttpRequest& request) {
  if (const std::string* header = request.headers.find("authorization")) {
    constexpr std::string_view kName = "Credential=";
    const std::size_t at = header->find(kName);
    if (at == header->npos) return {};
    const std::string_view credential = std::string_view(*header).substr(at + kName.size());
    return credential.substr(0, std::min(credential.find(','), credential.find(' ')));
  }
  const QueryParameter* parameter = request.find_query("X-Amz-Credential");
  return parameter ? std::string_view(parameter->value) : std::string_view();
}

std::string_view claimed_access_key(const HttpRequest& request) {
  const std::string_view credential = claimed_credential(request);
  if (std::optional<CredentialText> parsed = parse_credential(credential))
    return parsed->access_key_id;
  return credential.substr(0, credential.find('/'));
}

}  // namespace

bool is_account(std::string_view text) {
  return text.size() == 12 &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

bool has_credentials(const HttpRequest& request) { return signing_method(request) != Method::none; }

Scope claimed_scope(const HttpRequest& request) {
  std::optional<CredentialText> parsed = parse_credential(claimed_credential(request));
  return parsed ? parsed->scope : Scope{};
}

namespace {

// Whether the signature covers the body's hash, which only the body itself can tell.
bool is_signed_with_body(const HttpRequest& request, Dialect dialect) {
  const Method method = signing_method(request);
  return (method == Method::v4_header || method == Method::v4_presigned) &&
         claimed_payload(request).empty() && !is_s3(dialect, claimed_scope(request));
}

}  // namespace

Authenticator::Authenticator(CredentialSource& credentials, AuthenticatorOptions options)
    : credentials_(credentials), options_(std::move(options)) {}

Result<Identity> Authenticator::authenticate(const HttpRequest& request, Dialect dialect,
                                             Timestamp now) {
  if (options_.mode == Mode::any) return accept_any(request, dialect, now);
  const Method method = signing_method(request);
  switch (method) {
    case Method::v4_header:
    case Method::v4_presigned:
      return verify_v4(request, dialect, method == Method::v4_presigned, now);
    case Method::v2_header:
    case Method::v2_presigned:
      if (dialect == Dialect::s3) return verify_v2(request, method == Method::v2_presigned, now);
      return fail(malformed_authorization(
          dialect, "Signature version 2 is only accepted by S3; sign with AWS4-HMAC-SHA256."));
    case Method::v4a:
      return fail(malformed_authorization(
          dialect,
          "Tidemill does not verify SigV4A (AWS4-ECDSA-P256-SHA256) signatures; configure the "
          "client to sign with AWS4-HMAC-SHA256."));
    case Method::several: {
      std::string message =
          "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature "
          "query string parameter or the Authorization header should be specified";
      if (dialect == Dialect::s3) return fail("InvalidArgument", std::move(message), 400);
      return fail(malformed_authorization(dialect, message));
    }
    case Method::unknown:
      if (dialect == Dialect::s3)
        return fail("InvalidArgument", "Unsupported Authorization Type", 400);
      return fail(malformed_authorization(
          dialect, "Authorization header requires the AWS4-HMAC-SHA256 scheme."));
    case Method::none:
      break;
  }
  if (dialect != Dialect::s3) return fail(missing_credentials(dialect));
  Identity identity;
  identity.anonymous = true;
  identity.region = options_.default_region;
  TRY(classify_payload(request, dialect, identity));
  return identity;
}

Result<std::optional<Identity>> Authenticator::authenticate_head(const HttpRequest& request,
                                                                 Dialect dialect, Timestamp now) {
  if (options_.mode == Mode::any || !is_signed_with_body(request, dialect))
    return TRY(authenticate(request, dialect, now));
  const bool presigned = signing_method(request) == Method::v4_presigned;
  const SignedRequest signed_request = presigned ? TRY(parse_v4_presigned(request, dialect))
                                                 : TRY(parse_v4_header(request, dialect));
  TRY(verify_v4_claims(request, dialect, signed_request, now));
  return std::nullopt;
}

// Checks a signature's claims: everything except the signature itself.
Result<Credential> Authenticator::verify_v4_claims(const HttpRequest& request, Dialect dialect,
                                                   const SignedRequest& signed_request,
                                                   Timestamp now) {
  Result<Credential> credential =
      find_credential(request, dialect, signed_request.access_key_id, now);
  if (!credential) return credential;
  TRY(check_time(dialect, signed_request, now));
  TRY(check_signed_headers(dialect, request, signed_request));
  return credential;
}

Result<Identity> Authenticator::accept_any(const HttpRequest& request, Dialect dialect,
                                           Timestamp now) {
  Identity identity;
  identity.root = true;
  identity.region = options_.default_region;
  const Method method = signing_method(request);
  // An invalid signature counts as absent here, but its key is still read: a scope without a region
  // must not change the request's owner.
  if (method == Method::v4_header || method == Method::v4_presigned) {
    identity.access_key_id = claimed_access_key(request);
    const Scope scope = claimed_scope(request);
    if (!scope.region.empty()) identity.region = scope.region;
    identity.service = scope.service;
  } else if (method == Method::v2_header || method == Method::v2_presigned) {
    if (auto parsed = parse_v2(request, method == Method::v2_presigned))
      identity.access_key_id = parsed->access_key_id;
  }
  identity.account =
      is_account(identity.access_key_id) ? identity.access_key_id : options_.default_account;
  identity.arn = root_arn(identity.account);
  identity.user_id = identity.account;
  // Jobs also use their role's credentials in this mode, and are identified as that role. Such a
  // key without its token, or after its expiry, is refused: it does not count as "any" credential.
  if (!identity.access_key_id.empty()) {
    auto credential = find_credential(request, dialect, identity.access_key_id, now);
    if (credential) {
      identity.account = credential->account;
      identity.arn = credential->arn;
      identity.user_id = credential->user_id;
    } else {
      const std::optional<Credential> known = TRY(credentials_.find(identity.access_key_id));
      if (known && known->session_token) return fail(std::move(credential.error()));
    }
  }
  TRY(classify_payload(request, dialect, identity));
  return identity;
}

Result<Credential> Authenticator::find_credential(const HttpRequest& request, Dialect dialect,
                                                  std::string_view access_key_id, Timestamp now) {
  return find_credential(session_token(request), dialect, access_key_id, now);
}

Result<Credential> Authenticator::find_credential(std::string_view token, Dialect dialect,
                                                  std::string_view access_key_id, Timestamp now) {
  Result<std::optional<Credential>> found = credentials_.find(access_key_id);
  if (!found) return fail(std::move(found).error());
  std::optional<Credential>& credential = *found;
  if (!credential) return fail(unknown_access_key(dialect, access_key_id));
  if (!credential->session_token) {
    if (!token.empty()) return fail(invalid_token(dialect, access_key_id));
    return std::move(*credential);
  }
  if (token.empty()) return fail(unknown_access_key(dialect, access_key_id));
  if (!equal_in_constant_time(token, *credential->session_token))
    return fail(invalid_token(dialect, access_key_id));
  if (credential->expiration && now > *credential->expiration) return fail(expired_token(dialect));
  return std::move(*credential);
}

Result<Identity> Authenticator::verify_v4(const HttpRequest& request, Dialect dialect,
                                          bool presigned, Timestamp now) {
  Result<SignedRequest> parsed =
      presigned ? parse_v4_presigned(request, dialect) : parse_v4_header(request, dialect);
  if (!parsed) return fail(std::move(parsed).error());
  SignedRequest& signed_request = *parsed;
  Result<Credential> claimant = verify_v4_claims(request, dialect, signed_request, now);
  if (!claimant) return fail(std::move(claimant).error());
  Credential& credential = *claimant;

  Identity identity;
  identity.root = credential.root;
  identity.access_key_id = signed_request.access_key_id;
  identity.account = std::move(credential.account);
  identity.arn = std::move(credential.arn);
  identity.user_id = std::move(credential.user_id);
  identity.region = signed_request.scope.region;
  identity.service = signed_request.scope.service;
  identity.verify_chunks = true;
  identity.authentication = presigned ? kByQuery : kByHeader;
  identity.signature_version = "AWS4-HMAC-SHA256";
  identity.signed_at = signed_request.time;

  TRY(classify_payload(request, dialect, identity));
  std::optional<HexDigest> body_hash;
  std::string_view payload_hash;
  if (std::string_view claimed = claimed_payload(request); !claimed.empty()) {
    payload_hash = claimed;
  } else if (is_s3(dialect, signed_request.scope)) {
    if (!presigned)
      return fail("InvalidRequest",
                  "Missing required header for this request: x-amz-content-sha256", 400);
    payload_hash = "UNSIGNED-PAYLOAD";
  } else if (request.stream) {
    return fail("InternalFailure", "the body was not read before its signature was verified", 500);
  } else {
    payload_hash = body_hash.emplace(sha256(request.body)).view();
  }
  TRY(check_v4_signature(request, dialect, signed_request, credential, payload_hash, identity));
  if (signs_chunks(identity.payload)) {
    identity.seed_signature = signed_request.signature;
    identity.date_time = std::move(signed_request.date_time);
    identity.scope = signed_request.scope_text;
  }
  return identity;
}

Result<void> Authenticator::check_v4_signature(const HttpRequest& request, Dialect dialect,
                                               const SignedRequest& signed_request,
                                               const Credential& credential,
                                               std::string_view payload_hash, Identity& identity) {
  const SigningKeyCache::Key key =
      signing_keys_.find_or_derive(credential.secret_access_key, signed_request.scope);
  const bool s3 = is_s3(dialect, signed_request.scope);
  const PathForm forms[] = {s3 ? PathForm::as_sent : PathForm::normalized_encoded,
                            s3 ? PathForm::encoded_once : PathForm::encoded_again};
  std::string first_canonical, first_to_sign;
  for (PathForm form : forms) {
    std::string text = canonical_request({request, signed_request.signed_headers,
                                          signed_request.signed_headers_text, payload_hash, form});
    if (text == first_canonical) continue;
    // The string to sign follows the canonical request in the same buffer, which has room for it.
    const std::size_t canonical_bytes = text.size();
    const HexDigest hash(sha256(text));
    text.append("AWS4-HMAC-SHA256\n").append(signed_request.date_time).append("\n");
    text.append(signed_request.scope_text).append("\n").append(hash.view());
    const std::string_view to_sign = std::string_view(text).substr(canonical_bytes);
    const HexDigest expected(hmac_sha256(view(key.digest), to_sign));
    if (equal_in_constant_time(expected.view(), signed_request.signature)) {
      if (!key.cached)
        signing_keys_.remember(credential.secret_access_key, signed_request.scope, key.digest);
      identity.signing_key = key.digest;
      return {};
    }
    if (first_canonical.empty()) {
      first_to_sign = to_sign;
      text.resize(canonical_bytes);
      first_canonical = std::move(text);
    }
  }
  return fail(signature_mismatch(dialect, {signed_request.access_key_id, signed_request.signature,
                                           first_to_sign, first_canonical}));
}

Result<Identity> Authenticator::verify_v2(const HttpRequest& request, bool presigned,
                                          Timestamp now) {
  SignedRequestV2 signed_request = TRY(parse_v2(request, presigned));
  Credential credential =
      TRY(find_credential(request, Dialect::s3, signed_request.access_key_id, now));
  if (presigned) {
    if (now > signed_request.time)
      return fail(presigned_expired(Dialect::s3, signed_request.time, now, ""));
  } else if (signed_request.time > now + kClockSkewMax ||
             signed_request.time < now + -kClockSkewMax) {
    return fail(skewed(Dialect::s3, signed_request.time, now));
  }
  const std::string bucket =
      options_.virtual_host_bucket ? options_.virtual_host_bucket(request.host()) : std::string();
  // botocore signs a slash after a bucket in the path, but does not send it.
  const bool names_bucket = bucket.empty() && request.raw_path.size() > 1 &&
                            request.raw_path.find('/', 1) == std::string::npos;
  std::string first;
  for (const auto [encode_path, slash] : {std::pair(false, false), {true, false}, {false, true}}) {
    if (slash && !names_bucket) continue;
    std::string to_sign = string_to_sign_v2(request, signed_request, bucket, encode_path, slash);
    if (equal_in_constant_time(signature_v2(credential.secret_access_key, to_sign),
                               signed_request.signature)) {
      Identity identity;
      identity.root = credential.root;
      identity.access_key_id = signed_request.access_key_id;
      identity.account = std::move(credential.account);
      identity.arn = std::move(credential.arn);
      identity.user_id = std::move(credential.user_id);
      identity.region = options_.default_region;
      identity.authentication = presigned ? kByQuery : kByHeader;
      identity.signature_version = "AWS";
      TRY(classify_payload(request, Dialect::s3, identity));
      return identity;
    }
    if (first.empty()) first = std::move(to_sign);
  }
  return fail(signature_mismatch(
      Dialect::s3, {signed_request.access_key_id, signed_request.signature, first, ""}));
}

}  // namespace tidemill::wire::sigv4
