// KMS: keys, aliases, grants, and what is done with them.
#pragma once

#include <memory>
#include <vector>

#include "services/kms/access/key_access.h"
#include "services/kms/common/core.h"
#include "services/kms/common/root_key_file.h"
#include "services/platform/module/tag_sources.h"

namespace tidemill::services::kms {

// Thread-safe.
class KmsService {
 public:
  // All references must outlive the service.
  KmsService(RootKeyFile root, store::Store& store, const Clock& clock, Random& random,
             iam::IamInterface& iam)
      : root_(std::move(root)), core_{store, clock, random, root_, iam}, access_(core_) {}

  static std::vector<store::TableSpec> tables();
  void add_to(Registry& registry);
  KeyAccess& access() { return access_; }
  const RootKey& root() const { return root_; }
  RootKey& root() { return root_; }
  platform::TagSource tag_source();
  // Rotates keys whose time has come and deletes those whose waiting period is over
  // (key/sweep.h).
  Result<void> sweep(Timestamp deletions_now);

 private:
  RootKeyFile root_;
  Core core_;
  KeyAccess access_;
};

}  // namespace tidemill::services::kms
