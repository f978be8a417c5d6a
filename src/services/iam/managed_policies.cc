#include "services/iam/managed_policies.h"

#include <zlib.h>

#include <algorithm>
#include <cassert>

namespace tidemill::services::iam {
namespace {

constexpr std::string_view kPrefix = "arn:aws:iam::aws:policy";

// Compares path and name, put together, with the rest of an ARN.
bool is_before(const ManagedPolicy& policy, std::string_view rest) {
  const int order = policy.path.compare(rest.substr(0, policy.path.size()));
  if (order != 0) return order < 0;
  return policy.name < rest.substr(std::min(policy.path.size(), rest.size()));
}

}  // namespace

std::span<const ManagedPolicy> managed_policies() { return api::managed_policy_entries(); }

const ManagedPolicy* find_managed_policy(std::string_view arn) {
  if (!arn.starts_with(kPrefix)) return nullptr;
  const std::string_view rest = arn.substr(kPrefix.size());
  const std::span<const ManagedPolicy> all = managed_policies();
  const auto found = std::lower_bound(all.begin(), all.end(), rest, is_before);
  if (found == all.end() || rest.size() != found->path.size() + found->name.size() ||
      !rest.starts_with(found->path) || !rest.ends_with(found->name))
    return nullptr;
  return &*found;
}

std::string managed_policy_arn(const ManagedPolicy& policy) {
  return std::string(kPrefix) + std::string(policy.path) + std::string(policy.name);
}

std::string managed_policy_document(const ManagedPolicy& policy) {
  const api::ManagedPolicyBlock& block = *api::managed_policy_blocks()[policy.block];
  std::string text(block.bytes, '\0');
  uLongf bytes = text.size();
  const int result =
      ::uncompress(reinterpret_cast<Bytef*>(text.data()), &bytes,
                   reinterpret_cast<const Bytef*>(block.packed.data()), block.packed.size());
  // The block is part of this program.
  assert(result == Z_OK && bytes == block.bytes);
  return text.substr(policy.offset, policy.bytes);
}

}  // namespace tidemill::services::iam
