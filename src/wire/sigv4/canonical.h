// The canonical form of a request that SigV4 signs, computed from what arrived.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "wire/http.h"

namespace tidemill::wire::sigv4 {

// Clients disagree on the path; each form stands for the same decoded path.
enum class PathForm {
  as_sent,             // S3
  encoded_once,        // S3, for a path that was sent with characters left unencoded
  normalized_encoded,  // other services: dot segments and doubled slashes removed, encoded again
  encoded_again,       // other services, without normalizing
};
std::string canonical_path(std::string_view raw_path, PathForm form);

// Sorted and encoded; without the parameter X-Amz-Signature.
std::string canonical_query(std::string_view raw_query);

// "host:example.com\nx-amz-date:...\n" of the named headers (lower case, in the order given). A
// header that is absent has an empty value, as though it had been sent empty.
void append_canonical_headers(const Headers& headers, const std::vector<std::string_view>& names,
                              std::string& out);

// Trimmed, with runs of spaces as one.
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
