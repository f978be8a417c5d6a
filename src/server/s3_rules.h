// S3's requirements for requests beyond the models of its operations.
#pragma once

#include "base/error.h"
#include "base/schema.h"
#include "wire/http.h"

namespace tidemill::server {

// A PUT must state its length, unless it copies another object. Checked before the body is read.
// MissingContentLength.
Result<void> check_s3_length(const wire::HttpRequest& request, const schema::Operation& operation);

// Call once documents are in `request.body`. Checks that response headers are overridable ones, and
// that documents which need a checksum have one that matches. InvalidArgument, InvalidRequest,
// InvalidDigest, BadDigest.
Result<void> check_s3_request(const wire::HttpRequest& request, const schema::Operation& operation);

}  // namespace tidemill::server
