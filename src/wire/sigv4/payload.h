// Authenticates the body: removes framing; verifies hashes, chunk signatures and trailing
// checksums: at once for a body in memory, at its end for a stream.
#pragma once

#include <memory>
#include <string_view>

#include "base/error.h"
#include "wire/http.h"
#include "wire/sigv4/identity.h"

namespace tidemill::wire::sigv4 {

// x-amz-content-sha256 from the header or a presigned URL, else "".
std::string_view claimed_payload(const HttpRequest& request);
// Fills identity.payload and identity.expected_sha256.
Result<void> classify_payload(const HttpRequest& request, Dialect dialect, Identity& identity);

// Replaces request.body or request.stream by the object's plain bytes: removes aws-chunked framing
// (also from Content-Encoding), sets Content-Length to the plain length, and adds the trailers of a
// body in memory to the headers. A stream that does not match its signature or trailing checksum
// fails at its end: its reader must not commit anything before that.
Result<void> prepare_body(HttpRequest& request, const Identity& identity, Dialect dialect);

}  // namespace tidemill::wire::sigv4
