// Browsers' upload forms (POST to a bucket, multipart/form-data): reads the fields, then streams
// the file that follows them. https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/byte_stream.h"
#include "base/error.h"
#include "wire/http.h"

namespace tidemill::server {

// AWS's limit for all that comes before the file.
inline constexpr std::size_t kFormFieldsBytesMax = 20u << 10;

// The fields before the file, in their order. Names compare without regard to case.
class FormFields {
 public:
  void add(std::string name, std::string value) {
    fields_.emplace_back(std::move(name), std::move(value));
  }
  // nullptr when there is none.
  const std::string* find(std::string_view name) const;
  std::string_view get(std::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& all() const { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

// Bounds of the file's size, from the policy's content-length-range.
struct FileBounds {
  std::uint64_t bytes_min = 0;
  std::uint64_t bytes_max = UINT64_MAX;
};

struct UploadForm {
  FormFields fields;
  std::string file_name;  // as the browser names it: "C:\\photos\\cat.jpg"
  // The file's bytes. EntityTooLarge and EntityTooSmall beyond the bounds, IncompleteBody when the
  // form breaks off.
  std::unique_ptr<ByteSource> file;
  std::shared_ptr<FileBounds> bounds;  // of `file`: to be set before it is read
};

bool is_upload_form(const wire::HttpRequest& request);
// Reads up to the file. MalformedPOSTRequest, MaxPostPreDataLengthExceededError, InvalidArgument
// when there is no file, or when a field comes twice.
Result<UploadForm> read_upload_form(std::string_view content_type,
                                    std::unique_ptr<ByteSource> body);

}  // namespace tidemill::server
