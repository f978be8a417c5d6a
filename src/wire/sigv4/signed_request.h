// Extracts a signature's claims from a request (who signed, when, what) without verifying
// them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wire/http.h"
#include "wire/sigv4/identity.h"
#include "wire/sigv4/signing_key.h"

namespace tidemill::wire::sigv4 {

enum class Method : std::uint8_t {
  none,          // no credentials at all
  v4_header,     // Authorization: AWS4-HMAC-SHA256 ...
  v4_presigned,  // ?X-Amz-Algorithm=AWS4-HMAC-SHA256...
  v4a,           // AWS4-ECDSA-P256-SHA256, which is not supported
  v2_header,     // Authorization: AWS key:signature
  v2_presigned,  // ?AWSAccessKeyId=...&Signature=...&Expires=...
  several,       // more than one of these
  unknown,       // an Authorization header of another scheme
};
Method signing_method(const HttpRequest& request);

// A SigV4 signature's claims. The views point into the request.
struct SignedRequest {
  bool presigned = false;
  std::string_view access_key_id;
  Scope scope;
  std::string_view scope_text;  // "20261123/us-east-1/s3/aws4_request"
  std::string_view signed_headers_text;
  std::vector<std::string_view> signed_headers;
  std::string_view signature;
  Timestamp time;
  std::string date_time;  // "20261123T151742Z"
  std::string_view expires_text;
  std::int64_t expires_seconds = 0;  // presigned

  bool signs(std::string_view header) const;
};
Result<SignedRequest> parse_v4_header(const HttpRequest& request, Dialect dialect);
Result<SignedRequest> parse_v4_presigned(const HttpRequest& request, Dialect dialect);

struct CredentialText {
  std::string_view access_key_id;
  Scope scope;
  std::string_view scope_text;  // all of the text behind the access key id and its slash
};
// "AKID/20261123/us-east-1/s3/aws4_request"; nullopt for other forms.
std::optional<CredentialText> parse_credential(std::string_view text);

}  // namespace tidemill::wire::sigv4
