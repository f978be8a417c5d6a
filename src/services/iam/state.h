// Shared by IAM's handlers.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "base/clock.h"
#include "base/random.h"
#include "services/iam/entity.h"
#include "services/iam/policy_language/evaluate.h"
#include "store/store.h"

namespace tidemill::services::iam {

// The policies of a role or a user, parsed; a user's are those of its groups as well.
struct PrincipalPolicies {
  std::string account, arn, id;
  std::string name;
  Timestamp created;  // of a role, exactly
  std::vector<NamedPolicy> identity;
  std::optional<std::vector<NamedPolicy>> boundary;
  std::map<std::string, std::string> tags;
};

// Changes a record before it is written; what it adds to the transaction is written with it.
template <class Record>
using Change = std::function<Result<void>(Record&, store::Transaction&)>;

class AccessKeys;

// Thread-safe. Every write of roles, users, groups and policies goes through it, so that the parsed
// policies that it caches are current.
class State {
 public:
  State(store::Store& store, const Clock& clock, Random& random, bool accept_any);
  ~State();
  // Reads the access keys of users; before anything else.
  Result<void> load();

  store::Store& store() { return store_; }
  Random& random() { return random_; }
  bool accept_any() const { return accept_any_; }
  Timestamp now() const { return clock_.now(); }
  // Whole seconds, as IAM shows times.
  Timestamp now_seconds() const;
  // "AROA" and 17 characters.
  std::string make_id(std::string_view prefix);

  // Finds a role, user, group, instance profile or customer's policy by its name in any case.
  template <class Record>
  Result<std::optional<Record>> find(std::string_view account, std::string_view name);
  // NoSuchEntity when there is none.
  template <class Record>
  Result<Record> get(std::string_view account, std::string_view name);
  // EntityAlreadyExists, LimitExceeded. `with` is written in the same transaction.
  template <class Record>
  Result<void> create(const Record& record, store::Transaction with = {});
  // Reads, changes and writes the record. Retries on conflicting writes. A change of the name moves
  // the record: EntityAlreadyExists.
  template <class Record>
  Result<Record> update(std::string_view account, std::string_view name,
                        const Change<Record>& change);
  // `check` may refuse.
  template <class Record>
  Result<void> remove(std::string_view account, std::string_view name, const Change<Record>& check);
  template <class Record>
  Result<std::size_t> count(std::string_view account);

  Result<std::optional<RoleRecord>> find_role(std::string_view account, std::string_view name) {
    return find<RoleRecord>(account, name);
  }
  Result<std::optional<GroupRecord>> group_with_id(std::string_view account, std::string_view id);

  // A customer's own managed policy. InvalidInput when it is no policy's ARN, NoSuchEntity.
  Result<PolicyRecord> policy(std::string_view account, std::string_view arn);
  // Adds to the transaction what keeps a customer's policy from being deleted before it commits.
  // NoSuchEntity when there is no such policy.
  Result<void> hold_policy(store::Transaction& transaction, std::string_view account,
                           const std::string& arn);
  // Roles, users and groups of the account that have the policy attached, and roles and users whose
  // boundary it is.
  struct PolicyUse {
    std::size_t attachments = 0, boundaries = 0;
  };
  Result<PolicyUse> policy_use(std::string_view account, std::string_view policy_arn);
  // The document of a customer's policy's default version, or of AWS's policy.
  Result<std::string> policy_document(std::string_view account, std::string_view arn);

  // The tags of the role, user, instance profile or customer's policy that the ARN names; empty
  // when there is none.
  Result<std::map<std::string, std::string>> tags_of(std::string_view arn);

  // From memory when nothing changed since. nullptr when there is no such role or user.
  Result<std::shared_ptr<const PrincipalPolicies>> role_policies(std::string_view account,
                                                                 std::string_view name);
  Result<std::shared_ptr<const PrincipalPolicies>> user_policies(std::string_view account,
                                                                 std::string_view name);

  // The access keys of all users, in memory; current when a write returns.
  AccessKeys& access_keys() { return *access_keys_; }

 private:
  template <class Record>
  Result<void> commit(store::Transaction transaction, const Record& record, bool removed);
  template <class Record>
  Result<std::shared_ptr<const PrincipalPolicies>> cached(std::string_view kind,
                                                          std::string_view account,
                                                          std::string_view name);
  template <class Record>
  Result<PrincipalPolicies> load_policies(const Record& record);
  template <class Record>
  Result<void> add_policies(const Record& record, std::string_view kind,
                            std::vector<NamedPolicy>& out);
  Result<void> add_managed(std::string_view account, const std::string& arn,
                           std::vector<NamedPolicy>& out);
  void forget_policies();

  store::Store& store_;
  const Clock& clock_;
  Random& random_;
  const bool accept_any_;

  std::mutex mutex_;
  // Shared with the requests that are being authorized. Guarded by mutex_, like the count of
  // writes, which keeps a slow reader from caching policies that changed while it parsed them.
  std::unordered_map<std::string, std::shared_ptr<const PrincipalPolicies>> policies_;
  std::uint64_t writes_ = 0;

  // Held over a write of users and the change of access_keys_ that follows it, so that both happen
  // in the same order.
  std::mutex user_writes_;
  std::unique_ptr<AccessKeys> access_keys_;
};

}  // namespace tidemill::services::iam
