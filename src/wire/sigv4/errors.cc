#include "wire/sigv4/errors.h"

#include <cstdio>
#include <ctime>

#include "base/clock.h"
#include "base/encoding.h"
#include "wire/sigv4/limits.h"

namespace tidemill::wire::sigv4 {
namespace {

struct Codes {
  const char* s3;
  const char* json;
  const char* query;
};

Error make(Dialect dialect, const Codes& codes, int s3_status, std::string message,
           int query_status = 403) {
  switch (dialect) {
    case Dialect::s3:
      return {codes.s3, std::move(message), s3_status};
    case Dialect::json:
      return {codes.json, std::move(message), 400};
    default:
      return {codes.query, std::move(message), query_status};
  }
}

constexpr Codes kSignature = {"SignatureDoesNotMatch", "InvalidSignatureException",
                              "SignatureDoesNotMatch"};
constexpr Codes kIncomplete = {"AuthorizationHeaderMalformed", "IncompleteSignatureException",
                               "IncompleteSignature"};
constexpr std::string_view kTokenInvalid = "The security token included in the request is invalid.";

// "63 61 74": S3's form of exact bytes.
std::string spaced_hex(std::string_view bytes) {
  std::string out, digits = encode_hex(bytes);
  out.reserve(digits.size() * 3 / 2);
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    if (i > 0) out += ' ';
    out.append(digits, i, 2);
  }
  return out;
}

}  // namespace

Error missing_credentials(Dialect dialect) {
  if (dialect == Dialect::s3) return {"AccessDenied", "Access Denied", 403};
  if (dialect == Dialect::json)
    return {"MissingAuthenticationTokenException", "Missing Authentication Token", 403};
  return {"MissingAuthenticationToken", "Request is missing Authentication Token", 403};
}

Error malformed_authorization(Dialect dialect, std::string_view what) {
  std::string message =
      dialect == Dialect::s3 ? "The authorization header is malformed; " : std::string();
  return make(dialect, kIncomplete, 400, message + std::string(what), 400);
}

Error wrong_service(Dialect dialect, std::string_view expected, std::string_view given) {
  if (dialect == Dialect::s3)
    return malformed_authorization(dialect, "incorrect service \"" + std::string(given) +
                                                "\". This endpoint belongs to \"" +
                                                std::string(expected) + "\".");
  return make(dialect, kSignature, 403,
              "Credential should be scoped to correct service: '" + std::string(expected) + "'.");
}

Error malformed_presigned(Dialect dialect, std::string_view what) {
  if (dialect == Dialect::s3) return {"AuthorizationQueryParametersError", std::string(what), 400};
  return make(dialect, kIncomplete, 400, std::string(what), 400);
}

Error missing_date(Dialect dialect) {
  if (dialect == Dialect::s3)
    return {"AccessDenied", "AWS authentication requires a valid Date or x-amz-date header", 403};
  return make(
      dialect, kIncomplete, 400,
      "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.", 400);
}

Error unknown_access_key(Dialect dialect, std::string_view access_key_id) {
  if (dialect == Dialect::s3) {
    Error error{"InvalidAccessKeyId",
                "The AWS Access Key Id you provided does not exist in our records.", 403};
    error.details["AWSAccessKeyId"] = access_key_id;
    return error;
  }
  return make(dialect, {"", "UnrecognizedClientException", "InvalidClientTokenId"}, 403,
              std::string(kTokenInvalid));
}

Error invalid_token(Dialect dialect, std::string_view access_key_id) {
  if (dialect != Dialect::s3) return unknown_access_key(dialect, access_key_id);
  return {"InvalidToken", "The provided token is malformed or otherwise invalid.", 400};
}

Error expired_token(Dialect dialect) {
  return make(dialect, {"ExpiredToken", "ExpiredTokenException", "ExpiredToken"}, 400,
              dialect == Dialect::s3 ? "The provided token has expired."
                                     : "The security token included in the request is expired");
}

Error skewed(Dialect dialect, Timestamp request_time, Timestamp now) {
  if (dialect == Dialect::s3) {
    Error error{"RequestTimeTooSkewed",
                "The difference between the request time and the current time is too large.", 403};
    error.details["RequestTime"] = format_amz_date(request_time);
    error.details["ServerTime"] = format_iso8601({now.microseconds / 1'000'000 * 1'000'000});
    error.details["MaxAllowedSkewMilliseconds"] =
        std::to_string(std::chrono::milliseconds(kClockSkewMax).count());
    return error;
  }
  const bool late = request_time < now;
  const Timestamp bound = now + (late ? -kClockSkewMax : kClockSkewMax);
  std::string message = late ? "Signature expired: " : "Signature not yet current: ";
  message += format_amz_date(request_time);
  message += late ? " is now earlier than " : " is still later than ";
  message += format_amz_date(bound) + " (" + format_amz_date(now);
  message += late ? " - 15 min.)" : " + 15 min.)";
  return make(dialect, kSignature, 403, std::move(message));
}

Error presigned_expired(Dialect dialect, Timestamp expires, Timestamp now,
                        std::string_view expires_seconds) {
  if (dialect != Dialect::s3)
    return make(dialect, kSignature, 403,
                "Signature expired: " + format_amz_date(expires) + " is now earlier than " +
                    format_amz_date(now));
  Error error{"AccessDenied", "Request has expired", 403};
  if (!expires_seconds.empty()) error.details["X-Amz-Expires"] = expires_seconds;
  error.details["Expires"] = format_iso8601(expires);
  error.details["ServerTime"] = format_iso8601({now.microseconds / 1'000'000 * 1'000'000});
  return error;
}

Error unsigned_headers(Dialect dialect, std::string_view names) {
  if (dialect == Dialect::s3) {
    Error error{"AccessDenied", "There were headers present in the request which were not signed",
                403};
    error.details["HeadersNotSigned"] = names;
    return error;
  }
  return make(dialect, kSignature, 403,
              "'" + std::string(names) + "' must be a 'SignedHeader' in the AWS Authorization.");
}

Error bad_content_sha256(Dialect dialect) {
  std::string message =
      "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "
      "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, or a valid "
      "sha256 value.";
  return make(dialect, {"InvalidArgument", kIncomplete.json, kIncomplete.query}, 400,
              std::move(message), 400);
}

Error payload_mismatch(Dialect dialect, std::string_view claimed, std::string_view computed) {
  Error error =
      make(dialect, {"XAmzContentSHA256Mismatch", kSignature.json, kSignature.query}, 400,
           "The provided 'x-amz-content-sha256' header does not match what was computed.");
  error.details["ClientComputedContentSHA256"] = claimed;
  error.details["S3ComputedContentSHA256"] = computed;
  return error;
}

Error signature_mismatch(Dialect dialect, const Mismatch& mismatch) {
  std::string message =
      "The request signature we calculated does not match the signature you provided. Check your ";
  if (dialect == Dialect::s3) {
    Error error{"SignatureDoesNotMatch", message + "key and signing method.", 403};
    error.details["AWSAccessKeyId"] = mismatch.access_key_id;
    error.details["SignatureProvided"] = mismatch.signature_provided;
    error.details["StringToSign"] = mismatch.string_to_sign;
    error.details["StringToSignBytes"] = spaced_hex(mismatch.string_to_sign);
    if (!mismatch.canonical_request.empty()) {
      error.details["CanonicalRequest"] = mismatch.canonical_request;
      error.details["CanonicalRequestBytes"] = spaced_hex(mismatch.canonical_request);
    }
    return error;
  }
  message +=
      "AWS Secret Access Key and signing method. Consult the service documentation for details.";
  message += "\n\nThe Canonical String for this request should have been\n'";
  message.append(mismatch.canonical_request);
  message += "'\n\nThe String-to-Sign should have been\n'";
  message.append(mismatch.string_to_sign).append("'\n");
  return make(dialect, kSignature, 403, std::move(message));
}

std::string format_amz_date(Timestamp time) {
  std::time_t seconds = time.microseconds / 1'000'000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[80];
  std::snprintf(text, sizeof text, "%04d%02d%02dT%02d%02d%02dZ", parts.tm_year + 1900,
                parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
  return text;
}

std::optional<Timestamp> parse_amz_date(std::string_view text) {
  if (text.size() != 16 || text[8] != 'T' || text[15] != 'Z') return std::nullopt;
  int digits[14];
  int count = 0;
  for (std::size_t i = 0; i < 15; ++i) {
    if (i == 8) continue;
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    digits[count++] = text[i] - '0';
  }
  auto two = [&](int at) { return unsigned(digits[at] * 10 + digits[at + 1]); };
  const std::chrono::year_month_day day{std::chrono::year(int(two(0) * 100 + two(2))),
                                        std::chrono::month(two(4)), std::chrono::day(two(6))};
  if (!day.ok() || two(8) > 23 || two(10) > 59 || two(12) > 60) return std::nullopt;
  const auto since_epoch = std::chrono::sys_days(day).time_since_epoch() +
                           std::chrono::hours(two(8)) + std::chrono::minutes(two(10)) +
                           std::chrono::seconds(two(12));
  return Timestamp{std::chrono::microseconds(since_epoch).count()};
}

}  // namespace tidemill::wire::sigv4
