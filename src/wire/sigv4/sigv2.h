// The old S3 signature (HMAC-SHA1), which boto3 still uses for presigned URLs of custom endpoints.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "wire/http.h"
#include "wire/sigv4/identity.h"

namespace tidemill::wire::sigv4 {

struct SignedRequestV2 {
  bool presigned = false;
  std::string_view access_key_id;
  std::string_view signature;  // base64
  std::string_view date;       // the Date header, or Expires; empty with x-amz-date
  Timestamp time;              // time of signing, or of expiry
};
Result<SignedRequestV2> parse_v2(const HttpRequest& request, bool presigned);

// `bucket` is the bucket in a virtual-host style host, else empty. `encode_path` signs the path
// encoded again instead of as sent. `slash` adds a slash after the path.
std::string string_to_sign_v2(const HttpRequest& request, const SignedRequestV2& signed_request,
                              std::string_view bucket, bool encode_path, bool slash = false);
std::string signature_v2(std::string_view secret, std::string_view string_to_sign);

}  // namespace tidemill::wire::sigv4
