// Every bucket, in memory: the store holds them, this service alone changes them, so what lies here
// is what lies there and no request reads a bucket's record from the store.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <vector>

#include "base/error.h"
#include "services/s3/common/records.h"

namespace tidemill::services::s3 {

enum class Versioning { off, enabled, suspended };
Versioning versioning_of(const BucketRecord& record);
// Whether its ownership setting lets access control lists count.
bool allows_acls(const BucketRecord& record);
// A setting of its public access block: "BlockPublicAcls".
bool blocks_public_access(const BucketRecord& record, std::string_view setting);
// It has a policy or may have access control lists; and the policy is not a public one while the
// bucket restricts public policies.
bool is_open_to_others(const BucketRecord& record);

class Bucket {
 public:
  explicit Bucket(BucketRecord record)
      : name(record.name),
        account(record.account),
        region(record.region),
        created(record.created),
        record_(std::make_shared<const BucketRecord>(std::move(record))),
        versioning_(versioning_of(*record_)),
        open_to_others_(is_open_to_others(*record_)) {}

  const std::string name;
  const std::string account;
  const std::string region;
  const Timestamp created;

  Versioning versioning() const { return versioning_; }
  // Whether objects may have versions other than the null version.
  bool has_versions() const { return versioning_ != Versioning::off; }

  // Whether the bucket's policy or ACLs may allow callers of other accounts or anonymous callers.
  bool open_to_others() const { return open_to_others_; }

  // Held shared by whoever commits an object, so that a bucket is neither deleted nor changed under
  // it.
  std::shared_mutex& life_mutex() { return life_mutex_; }

 private:
  friend class Buckets;
  std::shared_mutex life_mutex_;
  bool deleted_ = false;  // guarded by life_mutex_
  // Shared: a request goes on with what it read. Guarded by Buckets::mutex_.
  std::shared_ptr<const BucketRecord> record_;
  std::atomic<Versioning> versioning_;
  std::atomic<bool> open_to_others_;
};

// Thread-safe.
class Buckets {
 public:
  explicit Buckets(store::Store& store) : store_(store) {}
  Result<void> load();

  // nullptr when there is none.
  std::shared_ptr<Bucket> find(std::string_view name) const;
  // The bucket of a request that policies have let in: it is the account's or has a policy.
  // NoSuchBucket, AccessDenied. `expected_owner` is the request's x-amz-expected-bucket-owner.
  Result<std::shared_ptr<Bucket>> require(
      std::string_view account, std::string_view name,
      const std::optional<std::string>& expected_owner = std::nullopt) const;
  // The bucket, when it is the account's.
  Result<std::shared_ptr<Bucket>> require_own(
      std::string_view account, std::string_view name,
      const std::optional<std::string>& expected_owner = std::nullopt) const;
  std::vector<std::shared_ptr<Bucket>> all() const;
  // Whether any bucket has a policy or may have access control lists.
  bool any_policy() const { return policies_ > 0; }
  // The buckets of one account, by name.
  std::vector<std::shared_ptr<Bucket>> of_account(std::string_view account) const;

  // BucketAlreadyOwnedByYou, BucketAlreadyExists, TooManyBuckets.
  Result<void> create(BucketRecord record);
  // BucketNotEmpty; unfinished uploads are no obstacle: the caller removes them afterwards.
  Result<void> erase(const std::shared_ptr<Bucket>& bucket);
  std::shared_ptr<const BucketRecord> record(const Bucket& bucket) const;
  // Waits for the commits under way in the bucket. Name, account, region and time stay.
  Result<void> change(Bucket& bucket, const std::function<Result<void>(BucketRecord&)>& change);

  // Keeps the bucket alive until the lock goes; NoSuchBucket when it is gone already.
  static Result<std::shared_lock<std::shared_mutex>> keep_alive(Bucket& bucket);

 private:
  // BucketNotEmpty when the table has a row of the bucket.
  Result<void> check_empty(std::string_view bucket, const std::string& table, const char* message);

  void count_policies(const BucketRecord* before, const BucketRecord* after);

  store::Store& store_;
  std::atomic<std::size_t> policies_ = 0;
  std::mutex change_mutex_;  // one create, erase or change at a time
  mutable std::shared_mutex mutex_;
  // Shared: a request goes on with a bucket that is deleted meanwhile.
  std::map<std::string, std::shared_ptr<Bucket>, std::less<>> buckets_;  // guarded by mutex_
};

}  // namespace tidemill::services::s3
