// The part of KMS that other services may include. They call its operations through the dispatcher,
// as their own callers.
#pragma once

#include <string>
#include <string_view>

namespace tidemill::services::kms {

// The key that protects all other keys of a data folder. It is stored in a file of the folder,
// never in the database. Thread-safe.
class RootKey {
 public:
  virtual ~RootKey() = default;
  // A key of 32 bytes for one purpose ("s3"), the same for ever.
  virtual std::string derive(std::string_view purpose) const = 0;
};

}  // namespace tidemill::services::kms
