// What IAM's handlers share.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "base/clock.h"
#include "base/random.h"
#include "services/iam/policy_language/evaluate.h"
#include "services/iam/records.h"
#include "store/store.h"

namespace tidemill::services::iam {

// A role's policies, parsed.
struct RolePolicies {
  RoleRecord role;
  std::vector<NamedPolicy> identity;
  std::optional<std::vector<NamedPolicy>> boundary;
  std::string arn;
  std::map<std::string, std::string> tags;
};

// Thread-safe. Every write of roles and policies goes through it, so that the parsed policies that
// it caches are current.
class State {
 public:
  State(store::Store& store, const Clock& clock, Random& random, bool accept_any);

  store::Store& store() { return store_; }
  Random& random() { return random_; }
  bool accept_any() const { return accept_any_; }
  Timestamp now() const { return clock_.now(); }
  // Whole seconds, as IAM shows times.
  Timestamp now_seconds() const;
  // "AROA" and 17 characters.
  std::string make_id(std::string_view prefix);

  // NoSuchEntity when there is none.
  Result<RoleRecord> role(std::string_view account, std::string_view name);
  Result<std::optional<RoleRecord>> find_role(std::string_view account, std::string_view name);
  // EntityAlreadyExists, LimitExceeded.
  Result<void> create_role(const RoleRecord& role);
  // Reads, changes and writes again until nobody came in between.
  Result<RoleRecord> update_role(std::string_view account, std::string_view name,
                                 const std::function<Result<void>(RoleRecord&)>& change);
  // `check` may refuse.
  Result<void> delete_role(std::string_view account, std::string_view name,
                           const std::function<Result<void>(const RoleRecord&)>& check);

  // A customer's own managed policy. NoSuchEntity.
  Result<PolicyRecord> policy(std::string_view account, std::string_view arn);
  Result<void> create_policy(const PolicyRecord& policy);
  Result<void> delete_policy(std::string_view account, std::string_view arn);
  // Roles of the account that have the policy attached.
  Result<std::size_t> count_attachments(std::string_view account, std::string_view policy_arn);
  // The document of a customer's or a shipped policy.
  Result<std::string> policy_document(std::string_view account, std::string_view arn);

  // The tags of the role or customer's policy that the ARN names; empty when there is none.
  Result<std::map<std::string, std::string>> tags_of(std::string_view arn);

  // From memory when nothing changed since. nullptr when there is no such role.
  Result<std::shared_ptr<const RolePolicies>> role_policies(std::string_view account,
                                                            std::string_view name);

 private:
  Result<RolePolicies> load_policies(RoleRecord role);
  void forget_policies();

  store::Store& store_;
  const Clock& clock_;
  Random& random_;
  const bool accept_any_;

  std::mutex mutex_;
  // Shared with the requests that are being authorized. Guarded by mutex_, like the count of
  // writes, which keeps a slow reader from caching policies that changed while it parsed them.
  std::unordered_map<std::string, std::shared_ptr<const RolePolicies>> policies_;
  std::uint64_t writes_ = 0;
};

}  // namespace tidemill::services::iam
