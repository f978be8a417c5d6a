// What S3 asks of a request beyond what its operations' models say.
#pragma once

#include "base/error.h"
#include "base/schema.h"
#include "wire/http.h"

namespace tidemill::server {

// A PUT says how long it is, unless what it stores comes from another object. Asked before the
// body is read. MissingContentLength.
Result<void> check_s3_length(const wire::HttpRequest& request, const schema::Operation& operation);

// Asked once documents lie in `request.body`: that response headers are ones that can be
// overridden, and that documents that must not be damaged on the way come with a checksum, which
// is compared. InvalidArgument, InvalidRequest, InvalidDigest, BadDigest.
Result<void> check_s3_request(const wire::HttpRequest& request, const schema::Operation& operation);

}  // namespace tidemill::server
