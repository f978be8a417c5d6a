// Object lock: versions that may not be deleted before a time, or while a legal hold is on.
#pragma once

#include <optional>
#include <string>

#include "services/s3/common/core.h"

namespace tidemill::services::s3 {

inline constexpr const char* kGovernance = "GOVERNANCE";
inline constexpr const char* kCompliance = "COMPLIANCE";

// The lock that a writing request asks for in its headers.
struct WantedLock {
  std::optional<std::string> mode;
  std::optional<Timestamp> retain_until;
  std::optional<std::string> legal_hold;
  bool any() const { return mode || retain_until || legal_hold; }
};

template <class Request>
WantedLock wanted_lock(const Request& request) {
  return {request.object_lock_mode, request.object_lock_retain_until_date,
          request.object_lock_legal_hold_status};
}

// The lock of a new version: what the request wants, else the bucket's default. InvalidRequest when
// the bucket has no object lock; InvalidArgument.
Result<std::optional<LockRecord>> lock_of_new_version(const BucketRecord& bucket,
                                                      const WantedLock& wanted, Timestamp now);

// AccessDenied while the version is protected. `bypass`: governance does not count.
Result<void> check_unlocked(const ObjectRecord& version, Timestamp now, bool bypass);

// Whether x-amz-bypass-governance-retention counts: the caller asks for it, and may.
bool may_bypass_governance(const Core& core, const Context& context, const std::string& bucket,
                           const std::string& key, const std::optional<bool>& asked);

void add_object_lock_operations(Registry& registry, Core& core);

}  // namespace tidemill::services::s3
