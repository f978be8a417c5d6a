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
  Timestamp time;              // when signed, or when it expires
};
Result<SignedRequestV2> parse_v2(const HttpRequest& request, bool presigned);

// `bucket` is what the host names in virtual-host style, else empty. `encode_path` signs the path
// encoded anew instead of as it was sent. `slash`: behind the path, too.
std::string string_to_sign_v2(const HttpRequest& request, const SignedRequestV2& signed_request,
                              std::string_view bucket, bool encode_path, bool slash = false);
std::string signature_v2(std::string_view secret, std::string_view string_to_sign);

}  // namespace tidemill::wire::sigv4
