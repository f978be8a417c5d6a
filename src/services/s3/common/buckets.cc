#include "services/s3/common/buckets.h"

#include <algorithm>

#include "services/iam/interface.h"
#include "services/s3/common/errors.h"
#include "services/s3/common/limits.h"

namespace tidemill::services::s3 {

namespace {

// Whether somebody besides the owner's account may have access.
bool may_be_shared(const BucketRecord& record) { return record.policy || allows_acls(record); }

}  // namespace

Versioning versioning_of(const BucketRecord& record) {
  if (!record.versioning) return Versioning::off;
  return *record.versioning == "Enabled" ? Versioning::enabled : Versioning::suspended;
}

bool allows_acls(const BucketRecord& record) {
  return record.ownership && *record.ownership != "BucketOwnerEnforced";
}

bool blocks_public_access(const BucketRecord& record, std::string_view setting) {
  if (!record.configurations) return false;
  const auto block = record.configurations->find("publicAccessBlock");
  if (block == record.configurations->end()) return false;
  const Value* value = block->second.find(setting);
  const bool* set = value ? value->get_if<bool>() : nullptr;
  return set && *set;
}

bool is_open_to_others(const BucketRecord& record) {
  if (!may_be_shared(record)) return false;
  if (!record.policy || !blocks_public_access(record, "RestrictPublicBuckets")) return true;
  const Result<bool> is_public = iam::is_public_policy(*record.policy);
  return is_public && !*is_public;
}

Result<void> Buckets::load() {
  std::unique_lock lock(mutex_);
  store::Scan scan;
  scan.limit = limits::scan_rows;
  do {
    auto page = TRY(bucket_table().scan(store_, scan));
    for (auto& row : page.records) {
      std::string name = row.record.name;
      count_policies(nullptr, &row.record);
      buckets_[std::move(name)] = std::make_shared<Bucket>(std::move(row.record));
    }
    scan.after = page.next;
  } while (!scan.after.empty());
  return {};
}

std::shared_ptr<Bucket> Buckets::find(std::string_view name) const {
  std::shared_lock lock(mutex_);
  auto found = buckets_.find(name);
  return found == buckets_.end() ? nullptr : found->second;
}

Result<std::shared_ptr<Bucket>> Buckets::require(
    std::string_view account, std::string_view name,
    const std::optional<std::string>& expected_owner) const {
  std::shared_ptr<Bucket> bucket = find(name);
  if (!bucket) return fail(no_such_bucket(name));
  if ((bucket->account != account && !bucket->open_to_others()) ||
      (expected_owner && *expected_owner != bucket->account))
    return fail(access_denied());
  return bucket;
}

Result<std::shared_ptr<Bucket>> Buckets::require_own(
    std::string_view account, std::string_view name,
    const std::optional<std::string>& expected_owner) const {
  std::shared_ptr<Bucket> bucket = TRY(require(account, name, expected_owner));
  if (bucket->account != account) return fail(access_denied());
  return bucket;
}

void Buckets::count_policies(const BucketRecord* before, const BucketRecord* after) {
  if (after && may_be_shared(*after)) ++policies_;
  if (before && may_be_shared(*before)) --policies_;
}

std::vector<std::shared_ptr<Bucket>> Buckets::all() const {
  std::vector<std::shared_ptr<Bucket>> found;
  std::shared_lock lock(mutex_);
  for (const auto& [name, bucket] : buckets_) found.push_back(bucket);
  return found;
}

std::vector<std::shared_ptr<Bucket>> Buckets::of_account(std::string_view account) const {
  std::vector<std::shared_ptr<Bucket>> found;
  std::shared_lock lock(mutex_);
  for (const auto& [name, bucket] : buckets_)
    if (bucket->account == account) found.push_back(bucket);
  return found;
}

Result<void> Buckets::create(BucketRecord record) {
  std::lock_guard change(change_mutex_);
  if (std::shared_ptr<Bucket> there = find(record.name)) {
    if (there->account == record.account)
      return fail(
          Error{"BucketAlreadyOwnedByYou",
                "Your previous request to create the named bucket succeeded and you already "
                "own it.",
                409,
                {{"BucketName", record.name}}});
    return fail(
        Error{"BucketAlreadyExists",
              "The requested bucket name is not available. The bucket namespace is shared by "
              "all users of the system. Please select a different name and try again.",
              409,
              {{"BucketName", record.name}}});
  }
  if (of_account(record.account).size() >= limits::buckets_of_account_max)
    return fail("TooManyBuckets", "You have attempted to create more buckets than allowed", 400);
  store::Transaction transaction;
  bucket_table().put(transaction, record.name, record, 0);
  TRY(store_.commit(std::move(transaction)));
  std::unique_lock lock(mutex_);
  std::string name = record.name;
  count_policies(nullptr, &record);
  buckets_[std::move(name)] = std::make_shared<Bucket>(std::move(record));
  return {};
}

Result<void> Buckets::check_empty(std::string_view bucket, const std::string& table,
                                  const char* message) {
  store::Scan scan{.table = table, .prefix = object_row_key(bucket, "")};
  scan.limit = 1;
  if (TRY(store_.scan(scan)).rows.empty()) return {};
  return fail(Error{"BucketNotEmpty", message, 409, {{"BucketName", std::string(bucket)}}});
}

Result<void> Buckets::erase(const std::shared_ptr<Bucket>& bucket) {
  std::lock_guard change(change_mutex_);
  std::unique_lock life(bucket->life_mutex_);
  if (bucket->deleted_) return fail(no_such_bucket(bucket->name));
  TRY(check_empty(bucket->name, object_table().name(),
                  "The bucket you tried to delete is not empty"));
  TRY(check_empty(bucket->name, version_table().name(),
                  "The bucket you tried to delete is not empty. You must delete all versions in "
                  "the bucket."));
  store::Transaction transaction;
  bucket_table().erase(transaction, bucket->name, std::nullopt);
  TRY(store_.commit(std::move(transaction)));
  bucket->deleted_ = true;
  count_policies(record(*bucket).get(), nullptr);
  std::unique_lock lock(mutex_);
  buckets_.erase(bucket->name);
  return {};
}

std::shared_ptr<const BucketRecord> Buckets::record(const Bucket& bucket) const {
  std::shared_lock lock(mutex_);
  return bucket.record_;
}

Result<void> Buckets::change(Bucket& bucket,
                             const std::function<Result<void>(BucketRecord&)>& change) {
  std::lock_guard changing(change_mutex_);
  std::unique_lock life(bucket.life_mutex_);
  if (bucket.deleted_) return fail(no_such_bucket(bucket.name));
  auto next = std::make_shared<BucketRecord>(*record(bucket));
  TRY(change(*next));
  store::Transaction transaction;
  bucket_table().put(transaction, bucket.name, *next, std::nullopt);
  TRY(store_.commit(std::move(transaction)));
  bucket.versioning_ = versioning_of(*next);
  // Callers of other accounts come in only once their requests are looked at, and no longer.
  const bool open = is_open_to_others(*next);
  if (!open) bucket.open_to_others_ = false;
  count_policies(record(bucket).get(), next.get());
  bucket.open_to_others_ = open;
  std::unique_lock lock(mutex_);
  bucket.record_ = std::move(next);
  return {};
}

Result<std::shared_lock<std::shared_mutex>> Buckets::keep_alive(Bucket& bucket) {
  std::shared_lock lock(bucket.life_mutex_);
  if (bucket.deleted_) return fail(no_such_bucket(bucket.name));
  return lock;
}

}  // namespace tidemill::services::s3
