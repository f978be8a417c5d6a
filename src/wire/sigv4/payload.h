// The body's part of authentication: framing is taken off, hashes, chunk signatures and trailing
// checksums are verified. At once for a body in memory, at its end for a stream.
#pragma once

#include <memory>
#include <string_view>

#include "base/error.h"
#include "wire/http.h"
#include "wire/sigv4/identity.h"

namespace tidemill::wire::sigv4 {

// x-amz-content-sha256 of the header or a presigned URL, else "".
std::string_view claimed_payload(const HttpRequest& request);
// Fills identity.payload and identity.expected_sha256.
Result<void> classify_payload(const HttpRequest& request, Dialect dialect, Identity& identity);

// Makes request.body or request.stream the plain bytes of the object: aws-chunked framing is gone
// (also from Content-Encoding), Content-Length is that of the plain body, and trailers of a body in
// memory are among the headers, as if they had come there. A stream that does not match what was
// signed or its trailing checksum fails at its end: whoever reads it commits nothing before that.
Result<void> prepare_body(HttpRequest& request, const Identity& identity, Dialect dialect);

}  // namespace tidemill::wire::sigv4
