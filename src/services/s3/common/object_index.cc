#include "services/s3/common/object_index.h"

#include <algorithm>

#include "base/log.h"
#include "services/s3/common/errors.h"
#include "services/s3/common/invariants.h"

namespace tidemill::services::s3 {

namespace {

bool outcome_unknown(const Result<void>& committed) {
  return !committed && committed.error().code == codes::kIo;
}

}  // namespace

Result<StoredObjectPtr> ObjectIndex::load(const std::string& row_key) {
  auto row = TRY(object_table().get(store_, row_key));
  if (!row) return StoredObjectPtr();
  return std::make_shared<const StoredObject>(StoredObject{std::move(row->record), row->version});
}

Result<StoredObjectPtr> ObjectIndex::load_locked(const std::string& row_key) {
  if (StoredObjectPtr cached = cache_.find(row_key)) return cached;
  return load(row_key);
}

Result<ObjectIndex::Replaced> ObjectIndex::load_to_replace(const std::string& row_key,
                                                           const Condition& condition) {
  Result<StoredObjectPtr> loaded = load_locked(row_key);
  // What nobody can read any more can still be overwritten and deleted, or its bucket would be
  // stuck with it for ever. Its bytes are found to be garbage at the next start.
  if (!loaded && loaded.error().code == codes::kCorrupt && !condition) {
    log::warning("a damaged record is replaced", {{"reason", loaded.error().message}});
    return Replaced{nullptr, std::nullopt, true};
  }
  if (!loaded) return fail(std::move(loaded).error());
  if (condition) TRY(condition(*loaded ? &(*loaded)->record : nullptr));
  return Replaced{*loaded, *loaded ? (*loaded)->version : 0, *loaded != nullptr};
}

Result<StoredObjectPtr> ObjectIndex::find(const Bucket& bucket, std::string_view key) {
  std::string row_key = object_row_key(bucket.name, key);
  if (StoredObjectPtr cached = cache_.find(row_key)) return cached;
  // See object_cache.h: without the lock the record is not put into the cache.
  std::unique_lock lock(lock_of(row_key), std::try_to_lock);
  StoredObjectPtr loaded = TRY(load(row_key));
  if (loaded && lock.owns_lock()) cache_.put(row_key, loaded);
  return loaded;
}

Result<StoredObjectPtr> ObjectIndex::require(const Bucket& bucket, std::string_view key) {
  StoredObjectPtr object = TRY(find(bucket, key));
  if (!object) return fail(no_such_key(key));
  return object;
}

Result<void> ObjectIndex::replace(Bucket& bucket, std::string_view key, ObjectRecord next,
                                  const Condition& condition, store::Transaction along,
                                  bool keep_on_failure, std::string_view reason) {
  std::string row_key = object_row_key(bucket.name, key);
  auto after = std::make_shared<StoredObject>(StoredObject{std::move(next), 1});
  Replaced before;
  auto commit = [&]() -> Result<void> {
    auto alive = TRY(Buckets::keep_alive(bucket));
    std::lock_guard lock(lock_of(row_key));
    before = TRY(load_to_replace(row_key, condition));
    object_table().put(along, row_key, store::checked(object_table(), row_key, after->record),
                       before.version);
    if (outbox_) TRY(publish_created(*outbox_, along, bucket, key, after->record, reason));
    Result<void> committed = store_.commit(std::move(along));
    if (!committed) {
      cache_.drop(row_key);
      return committed;
    }
    // Which version a damaged one had is not known.
    if (!before.version) {
      cache_.drop(row_key);
      return {};
    }
    after->version = *before.version + 1;
    cache_.put(row_key, after);
    return {};
  };
  Result<void> committed = commit();
  if (committed) {
    if (before.object)
      for (const blobs::BlobRef& blob : before.object->record.blobs()) blobs_.release(blob);
  } else if (!keep_on_failure && !outcome_unknown(committed)) {
    for (const blobs::BlobRef& blob : after->record.blobs()) blobs_.release(blob);
  }
  return committed;
}

Result<void> ObjectIndex::update(Bucket& bucket, std::string_view key,
                                 const std::function<Result<void>(ObjectRecord&)>& change) {
  std::string row_key = object_row_key(bucket.name, key);
  auto alive = TRY(Buckets::keep_alive(bucket));
  std::lock_guard lock(lock_of(row_key));
  StoredObjectPtr before = TRY(load_locked(row_key));
  if (!before) return fail(no_such_key(key));
  auto after = std::make_shared<StoredObject>(*before);
  TRY(change(after->record));
  store::Transaction transaction;
  object_table().put(transaction, row_key, store::checked(object_table(), row_key, after->record),
                     before->version);
  if (Result<void> committed = store_.commit(std::move(transaction)); !committed) {
    cache_.drop(row_key);
    return committed;
  }
  ++after->version;
  cache_.put(row_key, std::move(after));
  return {};
}

Result<void> ObjectIndex::erase(Bucket& bucket, const std::vector<std::string>& keys,
                                const Condition& condition) {
  std::vector<std::string> row_keys;
  row_keys.reserve(keys.size());
  for (const std::string& key : keys) row_keys.push_back(object_row_key(bucket.name, key));
  std::ranges::sort(row_keys);
  row_keys.erase(std::unique(row_keys.begin(), row_keys.end()), row_keys.end());
  // Several locks are taken in the order of their addresses, so that two erasers cannot block each
  // other.
  std::vector<std::mutex*> mutexes;
  mutexes.reserve(row_keys.size());
  for (const std::string& row_key : row_keys) mutexes.push_back(&lock_of(row_key));
  std::ranges::sort(mutexes);
  mutexes.erase(std::unique(mutexes.begin(), mutexes.end()), mutexes.end());

  std::vector<blobs::BlobRef> to_release;
  {
    auto alive = TRY(Buckets::keep_alive(bucket));
    std::vector<std::unique_lock<std::mutex>> locks;
    locks.reserve(mutexes.size());
    for (std::mutex* mutex : mutexes) locks.emplace_back(*mutex);
    store::Transaction transaction;
    for (const std::string& row_key : row_keys) {
      Replaced before = TRY(load_to_replace(row_key, condition));
      if (!before.exists) continue;
      object_table().erase(transaction, row_key, before.version);
      if (outbox_)
        TRY(publish_deleted(*outbox_, transaction, bucket, row_key.substr(bucket.name.size() + 1),
                            clock_.now()));
      if (!before.object) continue;
      for (const blobs::BlobRef& blob : before.object->record.blobs()) to_release.push_back(blob);
    }
    if (transaction.empty()) return {};
    Result<void> committed = store_.commit(std::move(transaction));
    for (const std::string& row_key : row_keys) cache_.drop(row_key);
    if (!committed) return committed;
  }
  for (const blobs::BlobRef& blob : to_release) blobs_.release(blob);
  return {};
}

}  // namespace tidemill::services::s3
