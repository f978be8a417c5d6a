// AWS's own managed policies: constant tables that codegen/managed_policies.py makes from the
// package moto. services/iam/managed_policies.h reads them.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace tidemill::api {

struct ManagedPolicyEntry {
  std::string_view path;  // "/", "/service-role/"
  std::string_view name;
  std::int64_t version = 1;  // of the document, AWS's default one: 3 is shown as "v3"
  std::int64_t created_seconds = 0;
  std::int64_t updated_seconds = 0;
  std::uint32_t block = 0;              // index of managed_policy_blocks()
  std::uint32_t offset = 0, bytes = 0;  // of the document in the block when that is unpacked
};

// Documents, one behind the other, compressed with zlib.
struct ManagedPolicyBlock {
  std::string_view packed;
  std::uint32_t bytes = 0;  // unpacked
};

// In the order of path and name.
std::span<const ManagedPolicyEntry> managed_policy_entries();
std::span<const ManagedPolicyBlock* const> managed_policy_blocks();

}  // namespace tidemill::api
