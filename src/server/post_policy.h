// The policy document of an upload form: its expiration and the conditions on the form's fields.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
#pragma once

#include <string_view>

#include "base/error.h"
#include "base/value.h"
#include "server/upload_form.h"

namespace tidemill::server {

// Checks the fields against the document (JSON) and returns the bounds of the file's size. `bucket`
// counts as a field. InvalidPolicyDocument when the document is none; AccessDenied when it has
// expired, a condition does not hold, or a field has no condition.
Result<FileBounds> check_post_policy(std::string_view document, const FormFields& fields,
                                     std::string_view bucket, Timestamp now);

}  // namespace tidemill::server
