// Access control lists. Only the bucket's owner has access here, so a list that gives others access
// is refused by name, and every list says the same.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/s3/shared.h"
#include "services/s3/common/core.h"

namespace tidemill::services::s3 {

inline constexpr const char* kBucketOwnerEnforced = "BucketOwnerEnforced";

// The access that a request asks for: a canned list, grant headers, or a document.
struct WantedAcl {
  std::optional<std::string> canned;
  bool grant_headers = false;
  const api::s3::AccessControlPolicy* document = nullptr;
};

// Whether a PutBucketAcl or PutObjectAcl may succeed, and then changes nothing.
// AccessControlListNotSupported where the bucket's ownership excludes lists; NotImplemented for
// access of others.
Result<void> check_acl(const BucketRecord& bucket, const WantedAcl& wanted);

// The list that every bucket and object has.
std::vector<api::s3::Grant> owner_grants(const std::string& account);
api::s3::Owner owner_of(const std::string& account);

}  // namespace tidemill::services::s3
