#include "wire/sigv4/signed_request.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/clock.h"
#include "wire/sigv4/errors.h"
#include "wire/sigv4/limits.h"

namespace tidemill::wire::sigv4 {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

// The number of headers that SDKs sign; more only cost another allocation.
constexpr std::size_t kSignedHeadersUsual = 8;

std::string_view query_value(const HttpRequest& request, std::string_view name) {
  const QueryParameter* parameter = request.find_query(name);
  return parameter ? std::string_view(parameter->value) : std::string_view();
}

std::string_view trim(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

// The names between the semicolons; false when there are too many or an empty one.
bool split_signed_headers(SignedRequest& out) {
  std::string_view rest = out.signed_headers_text;
  out.signed_headers.reserve(kSignedHeadersUsual);
  while (true) {
    const std::size_t end = std::min(rest.find(';'), rest.size());
    if (end == 0 || out.signed_headers.size() == kSignedHeadersMax) return false;
    out.signed_headers.push_back(rest.substr(0, end));
    if (end == rest.size()) return true;
    rest.remove_prefix(end + 1);
  }
}

// Parses a Date header: an HTTP date or, from a few clients, the basic ISO form.
std::optional<Timestamp> parse_date_header(std::string_view text) {
  if (auto basic = parse_amz_date(text)) return basic;
  if (auto http = parse_http_date(text)) return *http;
  if (auto iso = parse_iso8601(text)) return *iso;
  return std::nullopt;
}

Result<void> set_date(const HttpRequest& request, Dialect dialect, SignedRequest& out) {
  std::optional<Timestamp> time;
  if (const std::string* amz = request.headers.find("x-amz-date")) {
    if ((time = parse_amz_date(*amz))) {
      out.time = *time;
      out.date_time = *amz;
      return {};
    }
    time = parse_date_header(*amz);
  } else if (const std::string* date = request.headers.find("date")) {
    time = parse_date_header(*date);
  }
  if (!time) return fail(missing_date(dialect));
  out.time = *time;
  out.date_time = format_amz_date(*time);
  return {};
}

Result<void> check_scope_date(Dialect dialect, const SignedRequest& request) {
  const std::string_view day = std::string_view(request.date_time).substr(0, 8);
  if (request.scope.date == day) return {};
  const std::string scope_date(request.scope.date);
  if (dialect == Dialect::s3) {
    std::string what = "Invalid credential date \"" + scope_date +
                       "\". This date is not the same as X-Amz-Date: \"" + std::string(day) + "\".";
    return fail(request.presigned ? malformed_presigned(dialect, what)
                                  : malformed_authorization(dialect, what));
  }
  Error error = malformed_authorization(dialect,
                                        "Date in Credential scope does not match YYYYMMDD from "
                                        "ISO-8601 version of date from HTTP: '" +
                                            scope_date + "' != '" + std::string(day) + "', from '" +
                                            request.date_time + "'.");
  error.code = dialect == Dialect::json ? "InvalidSignatureException" : "SignatureDoesNotMatch";
  error.http_status = dialect == Dialect::json ? 400 : 403;
  return fail(std::move(error));
}

struct HeaderParts {
  std::string_view credential, signed_headers, signature;
};

HeaderParts split_authorization(std::string_view text) {
  HeaderParts parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    const std::string_view part = trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t equals = part.find('=');
    if (equals == part.npos) continue;
    const std::string_view name = trim(part.substr(0, equals));
    const std::string_view value = trim(part.substr(equals + 1));
    if (name == "Credential") parts.credential = value;
    if (name == "SignedHeaders") parts.signed_headers = value;
    if (name == "Signature") parts.signature = value;
  }
  return parts;
}

}  // namespace

bool SignedRequest::signs(std::string_view header) const {
  return std::ranges::find(signed_headers, header) != signed_headers.end();
}

Method signing_method(const HttpRequest& request) {
  Method method = Method::none;
  int count = 0;
  if (const std::string* header = request.headers.find("authorization")) {
    ++count;
    if (header->starts_with("AWS4-HMAC-SHA256"))
      method = Method::v4_header;
    else if (header->starts_with("AWS4-ECDSA-P256-SHA256"))
      method = Method::v4a;
    else if (header->starts_with("AWS "))
      method = Method::v2_header;
    else
      method = Method::unknown;
  }
  if (request.raw_query.empty()) return method;
  if (const QueryParameter* algorithm = request.find_query("X-Amz-Algorithm")) {
    ++count;
    method = algorithm->value == "AWS4-ECDSA-P256-SHA256" ? Method::v4a : Method::v4_presigned;
  } else if (request.find_query("X-Amz-Signature") || request.find_query("X-Amz-Credential")) {
    ++count;
    method = Method::v4_presigned;
  }
  // Requires all three: a lone "Expires" or "Signature" may be a service's own parameter.
  if (request.find_query("AWSAccessKeyId") && request.find_query("Signature")) {
    ++count;
    method = Method::v2_presigned;
  }
  return count > 1 ? Method::several : method;
}

std::optional<CredentialText> parse_credential(std::string_view text) {
  // From the right: an access key id may contain a slash, a scope's parts cannot.
  const std::string_view whole = text;
  std::string_view parts[4];
  for (int i = 3; i >= 0; --i) {
    // Searches many bytes at a time, unlike std::string_view::rfind().
    const void* found = text.empty() ? nullptr : ::memrchr(text.data(), '/', text.size());
    if (!found) return std::nullopt;
    const auto slash = static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
    parts[i] = text.substr(slash + 1);
    text = text.substr(0, slash);
    if (parts[i].empty()) return std::nullopt;
  }
  if (text.empty() || parts[3] != "aws4_request" || parts[0].size() != 8) return std::nullopt;
  return CredentialText{text, {parts[0], parts[1], parts[2]}, whole.substr(text.size() + 1)};
}

Result<SignedRequest> parse_v4_header(const HttpRequest& request, Dialect dialect) {
  const std::string& header = *request.headers.find("authorization");
  HeaderParts parts = split_authorization(std::string_view(header).substr(kAlgorithm.size()));
  if (parts.credential.empty() || parts.signed_headers.empty() || parts.signature.empty()) {
    std::string what;
    if (parts.credential.empty()) what += "Authorization header requires 'Credential' parameter. ";
    if (parts.signature.empty()) what += "Authorization header requires 'Signature' parameter. ";
    if (parts.signed_headers.empty())
      what += "Authorization header requires 'SignedHeaders' parameter. ";
    what.pop_back();
    return fail(malformed_authorization(dialect, what));
  }
  std::optional<CredentialText> credential = parse_credential(parts.credential);
  if (!credential)
    return fail(malformed_authorization(dialect,
                                        "the Credential is mal-formed; expecting "
                                        "\"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\"."));
  SignedRequest out;
  out.access_key_id = credential->access_key_id;
  out.scope = credential->scope;
  out.scope_text = credential->scope_text;
  out.signed_headers_text = parts.signed_headers;
  out.signature = parts.signature;
  if (!split_signed_headers(out))
    return fail(malformed_authorization(dialect, "the SignedHeaders are mal-formed."));
  TRY(set_date(request, dialect, out));
  TRY(check_scope_date(dialect, out));
  return out;
}

Result<SignedRequest> parse_v4_presigned(const HttpRequest& request, Dialect dialect) {
  SignedRequest out;
  out.presigned = true;
  out.signature = query_value(request, "X-Amz-Signature");
  out.signed_headers_text = query_value(request, "X-Amz-SignedHeaders");
  out.expires_text = query_value(request, "X-Amz-Expires");
  out.date_time = query_value(request, "X-Amz-Date");
  const std::string_view credential_text = query_value(request, "X-Amz-Credential");
  const std::string_view algorithm = query_value(request, "X-Amz-Algorithm");
  const bool expires_missing = out.expires_text.empty() && dialect == Dialect::s3;
  if (out.signature.empty() || out.signed_headers_text.empty() || out.date_time.empty() ||
      credential_text.empty() || algorithm.empty() || expires_missing)
    return fail(malformed_presigned(
        dialect,
        "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, "
        "X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."));
  if (algorithm != kAlgorithm)
    return fail(malformed_presigned(
        dialect, "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256\""));
  std::optional<CredentialText> credential = parse_credential(credential_text);
  if (!credential)
    return fail(malformed_presigned(
        dialect,
        "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting "
        "\"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\"."));
  std::optional<Timestamp> time = parse_amz_date(out.date_time);
  if (!time)
    return fail(malformed_presigned(
        dialect, "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""));
  out.time = *time;
  out.access_key_id = credential->access_key_id;
  out.scope = credential->scope;
  out.scope_text = credential->scope_text;
  TRY(check_scope_date(dialect, out));
  if (!split_signed_headers(out))
    return fail(malformed_presigned(dialect, "The X-Amz-SignedHeaders parameter is mal-formed."));

  // Services other than S3 omit it and mean the clock skew.
  out.expires_seconds = std::chrono::seconds(kClockSkewMax).count();
  if (out.expires_text.empty()) return out;
  const char* end = out.expires_text.data() + out.expires_text.size();
  auto [stop, code] = std::from_chars(out.expires_text.data(), end, out.expires_seconds);
  if (stop != end || (code != std::errc() && code != std::errc::result_out_of_range))
    return fail(malformed_presigned(dialect, "X-Amz-Expires should be a number"));
  if (code == std::errc() && out.expires_seconds < 0)
    return fail(malformed_presigned(dialect, "X-Amz-Expires must be non-negative"));
  if (code == std::errc() && out.expires_seconds == 0)
    return fail(malformed_presigned(dialect, "X-Amz-Expires must be at least 1"));
  if (code != std::errc() || out.expires_seconds > kPresignedExpiresSecondsMax)
    return fail(malformed_presigned(
        dialect,
        "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires "
        "must be less than 604800 seconds"));
  return out;
}

}  // namespace tidemill::wire::sigv4
