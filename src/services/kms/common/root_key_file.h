// The root key of a data folder: made once, kept in a file, never in the database.
#pragma once

#include <filesystem>

#include "base/random.h"
#include "services/kms/interface.h"
#include "store/table.h"

namespace tidemill::services::kms {

// The database keeps this of the root key, to notice a wrong one.
struct RootKeyMark {
  std::string fingerprint;
};
TIDEMILL_RECORD(RootKeyMark, (), (fingerprint))
// One row.
const store::Table<RootKeyMark>& root_key_marks_table();

class RootKeyFile final : public RootKey {
 public:
  // Makes the file (mode 0600) when neither the file nor the database's mark of one exists.
  // Tidemill.Invalid, with what to do, when the file is missing although the database's keys are
  // encrypted with it, when it is another database's, or when others may read it.
  static Result<RootKeyFile> open(const std::filesystem::path& path, store::Store& store,
                                  Random& random);
  std::string derive(std::string_view purpose) const override;

 private:
  explicit RootKeyFile(std::string key) : key_(std::move(key)) {}
  std::string key_;
};

}  // namespace tidemill::services::kms
