// The first access key: made at the first start, kept in the data folder, printed by `tidemill
// env`.
#pragma once

#include <filesystem>
#include <string>

#include "base/error.h"
#include "base/random.h"

namespace tidemill::services::iam {

struct RootKey {
  std::string access_key_id;      // "AKIA..."
  std::string secret_access_key;  // 40 characters
  std::string account = "123456789012";
};

// Reads the file, or makes it with mode 0600, durable before it returns. A file that others may
// read is an error (Tidemill.Invalid) that says what to do; a damaged one Tidemill.Corrupt.
Result<RootKey> load_or_create_root_key(const std::filesystem::path& path, Random& random);

// "AKIA" or "ASIA" and 16 characters; 40 characters.
std::string make_access_key_id(Random& random, std::string_view prefix);
std::string make_secret_access_key(Random& random);

}  // namespace tidemill::services::iam
