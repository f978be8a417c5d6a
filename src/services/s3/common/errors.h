// S3's errors, in its own words where they are known.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace tidemill::services::s3 {

Error no_such_bucket(std::string_view bucket);
Error no_such_key(std::string_view key);
Error no_such_version(std::string_view key, std::string_view version_id);
// `resource_type`: what it is that the method does not apply to.
Error method_not_allowed(std::string_view resource_type);
Error no_such_upload(std::string_view upload_id);
Error access_denied();
Error precondition_failed(std::string_view condition);
Error invalid_argument(std::string message, std::string_view name, std::string_view value);
Error invalid_request(std::string message);
Error not_implemented(std::string message);
Error malformed_xml();
Error entity_too_large(std::uint64_t proposed_bytes);

// Errors of the layers below ("Tidemill. ...") as S3 answers them; others stay.
Error to_s3_error(Error error);

}  // namespace tidemill::services::s3
