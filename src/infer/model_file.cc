#include "infer/model_file.h"

#include <filesystem>
#include <fstream>

namespace tidemill::infer {

Result<std::string> read_model_file(const std::string& path, std::size_t bytes_max) {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (error) return fail(codes::kInvalid, "the file cannot be read: " + error.message());
  if (size == 0) return fail(codes::kInvalid, "the file is empty");
  if (size > bytes_max)
    return fail(codes::kInvalid, "the file has " + std::to_string(size) + " bytes, at most " +
                                     std::to_string(bytes_max) + " are read");
  std::string bytes(size, '\0');
  std::ifstream file(path, std::ios::binary);
  if (!file.read(bytes.data(), static_cast<std::streamsize>(size)))
    return fail(codes::kInvalid, "the file cannot be read");
  return bytes;
}

}  // namespace tidemill::infer
