#include "services/s3/common/errors.h"

#include "base/log.h"
#include "services/s3/common/limits.h"

namespace tidemill::services::s3 {

Error no_such_bucket(std::string_view bucket) {
  return {"NoSuchBucket",
          "The specified bucket does not exist",
          404,
          {{"BucketName", std::string(bucket)}}};
}

Error no_such_key(std::string_view key) {
  return {"NoSuchKey", "The specified key does not exist.", 404, {{"Key", std::string(key)}}};
}

Error no_such_version(std::string_view key, std::string_view version_id) {
  return {"NoSuchVersion",
          "The specified version does not exist.",
          404,
          {{"Key", std::string(key)}, {"VersionId", std::string(version_id)}}};
}

Error method_not_allowed(std::string_view resource_type) {
  return {"MethodNotAllowed",
          "The specified method is not allowed against this resource.",
          405,
          {{"ResourceType", std::string(resource_type)}}};
}

Error no_such_upload(std::string_view upload_id) {
  return {"NoSuchUpload",
          "The specified upload does not exist. The upload ID may be invalid, or the upload may "
          "have been aborted or completed.",
          404,
          {{"UploadId", std::string(upload_id)}}};
}

Error access_denied() { return {"AccessDenied", "Access Denied", 403}; }

Error precondition_failed(std::string_view condition) {
  return {"PreconditionFailed",
          "At least one of the pre-conditions you specified did not hold",
          412,
          {{"Condition", std::string(condition)}}};
}

Error invalid_argument(std::string message, std::string_view name, std::string_view value) {
  return {"InvalidArgument",
          std::move(message),
          400,
          {{"ArgumentName", std::string(name)}, {"ArgumentValue", std::string(value)}}};
}

Error invalid_request(std::string message) { return {"InvalidRequest", std::move(message), 400}; }

Error not_implemented(std::string message) { return {"NotImplemented", std::move(message), 501}; }

Error malformed_xml() {
  return {
      "MalformedXML",
      "The XML you provided was not well-formed or did not validate against our published schema",
      400};
}

Error entity_too_large(std::uint64_t proposed_bytes) {
  return {"EntityTooLarge",
          "Your proposed upload exceeds the maximum allowed size",
          400,
          {{"ProposedSize", std::to_string(proposed_bytes)},
           {"MaxSizeAllowed", std::to_string(limits::upload_bytes_max)}}};
}

Error to_s3_error(Error error) {
  if (!error.code.starts_with("Tidemill.")) return error;
  if (error.code == codes::kStorageFull)
    return {"InsufficientStorage",
            "The server's disk is full: nothing was stored. Free some space, then try again. (" +
                error.message + ")",
            507};
  if (error.code == codes::kOverloaded)
    return {"SlowDown", "Please reduce your request rate. (" + error.message + ")", 503};
  if (error.code == codes::kTimeout)
    return {"RequestTimeout",
            "Your socket connection to the server was not read from or written to within the "
            "timeout period.",
            400};
  if (error.code == codes::kCancelled)
    return {"ServiceUnavailable", "The server is being stopped. Please try again.", 503};
  if (error.code == codes::kInvalid) return invalid_request(error.message);
  // The client's connection, not our disk.
  if (error.code == codes::kIo && error.http_status == 400)
    return {"IncompleteBody", "The request body terminated unexpectedly", 400};
  log::error("an S3 request failed", {{"code", error.code}, {"message", error.message}});
  return {"InternalError", "We encountered an internal error: " + error.message, 500};
}

}  // namespace tidemill::services::s3
