// AWS's authentication errors: the same fault has different codes in S3, in the JSON and CBOR
// protocols, and in the query protocol.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "wire/sigv4/identity.h"

namespace tidemill::wire::sigv4 {

Error missing_credentials(Dialect dialect);
// The Authorization header does not parse; `what` is a sentence.
Error malformed_authorization(Dialect dialect, std::string_view what);
// Signed for a service other than the requested one.
Error wrong_service(Dialect dialect, std::string_view expected, std::string_view given);
Error malformed_presigned(Dialect dialect, std::string_view what);
Error missing_date(Dialect dialect);
Error unknown_access_key(Dialect dialect, std::string_view access_key_id);
Error invalid_token(Dialect dialect, std::string_view access_key_id);
Error expired_token(Dialect dialect);
Error skewed(Dialect dialect, Timestamp request_time, Timestamp now);
Error presigned_expired(Dialect dialect, Timestamp expires, Timestamp now,
                        std::string_view expires_seconds);
Error unsigned_headers(Dialect dialect, std::string_view names);
Error bad_content_sha256(Dialect dialect);
Error payload_mismatch(Dialect dialect, std::string_view claimed, std::string_view computed);

struct Mismatch {
  std::string_view access_key_id;
  std::string_view signature_provided;
  std::string_view string_to_sign;
  std::string_view canonical_request;  // empty for SigV2
};
Error signature_mismatch(Dialect dialect, const Mismatch& mismatch);

// "20261123T151742Z" and back; nullopt when the text is not such a time.
std::string format_amz_date(Timestamp time);
std::optional<Timestamp> parse_amz_date(std::string_view text);

}  // namespace tidemill::wire::sigv4
