// The canonical form of a request, which SigV4 signs, computed from the received request.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "wire/http.h"

namespace tidemill::wire::sigv4 {

// Clients encode the path differently; each form has the same decoded path.
enum class PathForm {
  as_sent,             // S3
  encoded_once,        // S3, for a path with characters sent unencoded
  normalized_encoded,  // other services: dot segments and doubled slashes removed, encoded again
  encoded_again,       // other services, without normalizing
};
std::string canonical_path(std::string_view raw_path, PathForm form);

// Sorted and encoded; without the parameter X-Amz-Signature.
std::string canonical_query(std::string_view raw_query);

// "host:example.com\nx-amz-date:...\n" for the named headers (lower case, in the order given). An
// absent header has an empty value, as if it had been sent empty.
void append_canonical_headers(const Headers& headers, const std::vector<std::string_view>& names,
                              std::string& out);

// Trims the text and merges runs of spaces.
void append_trimmed(std::string_view value, std::string& out);

struct CanonicalInput {
  const HttpRequest& request;
  const std::vector<std::string_view>& signed_headers;
  std::string_view signed_headers_text;  // "host;x-amz-date"
  std::string_view payload_hash;
  PathForm path_form = PathForm::as_sent;
};
std::string canonical_request(const CanonicalInput& input);

}  // namespace tidemill::wire::sigv4
