#include "services/s3/common/object_index.h"

#include <map>
#include <set>
#include <utility>

#include "base/log.h"
#include "services/s3/common/errors.h"
#include "services/s3/common/version_id.h"

namespace tidemill::services::s3 {

namespace {

bool outcome_unknown(const Result<Written>& committed) {
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

Result<KeyHistory::Row> ObjectIndex::load_to_replace(const std::string& row_key, bool conditional) {
  Result<StoredObjectPtr> loaded = load_locked(row_key);
  // A record that cannot be read can still be overwritten and deleted, or its bucket could never be
  // emptied. Its bytes are found to be garbage at the next start.
  if (!loaded && loaded.error().code == codes::kCorrupt && !conditional) {
    log::warning("a damaged record is replaced", {{"reason", loaded.error().message}});
    return KeyHistory::Row{nullptr, std::nullopt, true};
  }
  if (!loaded) return fail(std::move(loaded).error());
  return KeyHistory::Row{*loaded, *loaded ? (*loaded)->version : 0, *loaded != nullptr};
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

Result<StoredObjectPtr> ObjectIndex::require(const Bucket& bucket, std::string_view key,
                                             const std::optional<std::string>& version_id) {
  StoredObjectPtr object =
      TRY(version_id ? load_version(bucket, key, *version_id) : find(bucket, key));
  if (!object) return fail(version_id ? no_such_version(key, *version_id) : no_such_key(key));
  return object;
}

Result<StoredObjectPtr> ObjectIndex::load_version(const Bucket& bucket, std::string_view key,
                                                  std::string_view version_id) {
  // A version that becomes current between the two looks is found by the next pair.
  constexpr int kAttemptsMax = 5;
  StoredObjectPtr before;
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    StoredObjectPtr object = TRY(find(bucket, key));
    if (object && object->record.version_id.value_or(std::string(kNullVersion)) == version_id)
      return object;
    if (!bucket.has_versions() || (attempt > 0 && object == before)) break;
    KeyHistory history(store_, bucket, key, {});
    if (const ObjectRecord* version = TRY(history.find(version_id)))
      return std::make_shared<const StoredObject>(StoredObject{*version, version->order()});
    before = object;
  }
  return StoredObjectPtr();
}

Result<std::optional<VersionRecord>> ObjectIndex::find_marker(const Bucket& bucket,
                                                              std::string_view key) {
  if (!bucket.has_versions()) return std::optional<VersionRecord>();
  store::Scan scan{.prefix = version_row_prefix(bucket.name, key)};
  scan.limit = 1;
  auto page = TRY(version_table().scan(store_, scan));
  if (page.records.empty() || !page.records.front().record.is_delete_marker())
    return std::optional<VersionRecord>();
  return std::optional(std::move(page.records.front().record));
}

void ObjectIndex::note_moves() {
  std::lock_guard lock(moves_mutex_);
  noting_moves_ = true;
}

std::vector<blobs::BlobRef> ObjectIndex::take_moved() {
  std::lock_guard lock(moves_mutex_);
  noting_moves_ = false;
  return std::exchange(moves_, {});
}

void ObjectIndex::note_moves_of(const KeyHistory& history) {
  if (history.moved().empty()) return;
  std::lock_guard lock(moves_mutex_);
  if (noting_moves_) moves_.insert(moves_.end(), history.moved().begin(), history.moved().end());
}

void ObjectIndex::remember(const std::string& row_key, const KeyHistory& history) {
  // Which version a damaged record had is not known.
  StoredObjectPtr object = history.committed();
  if (object && history.knows_row_version())
    cache_.put(row_key, std::move(object));
  else
    cache_.drop(row_key);
}

Result<Written> ObjectIndex::replace(Bucket& bucket, std::string_view key, ObjectRecord next,
                                     const Condition& condition, store::Transaction along,
                                     bool keep_on_failure, std::string_view reason) {
  const std::string row_key = object_row_key(bucket.name, key);
  const std::vector<blobs::BlobRef> new_blobs = next.blobs();
  std::vector<blobs::BlobRef> to_release;
  auto commit = [&]() -> Result<Written> {
    auto alive = TRY(Buckets::keep_alive(bucket));
    std::lock_guard lock(lock_of(row_key));
    KeyHistory history(store_, bucket, key,
                       TRY(load_to_replace(row_key, static_cast<bool>(condition))));
    if (condition) TRY(condition(history.current()));
    Written written = TRY(history.put(std::move(next), clock_.now(), random_));
    TRY(history.add_to(along));
    note_moves_of(history);
    if (outbox_) TRY(publish_created(*outbox_, along, bucket, key, *history.current(), reason));
    if (Result<void> committed = store_.commit(std::move(along)); !committed) {
      cache_.drop(row_key);
      return fail(std::move(committed).error());
    }
    remember(row_key, history);
    to_release = history.released();
    return written;
  };
  Result<Written> committed = commit();
  if (!committed && !keep_on_failure && !outcome_unknown(committed)) to_release = new_blobs;
  for (const blobs::BlobRef& blob : to_release) blobs_.release(blob);
  return committed;
}

Result<Written> ObjectIndex::update(Bucket& bucket, std::string_view key,
                                    const std::optional<std::string>& version_id,
                                    const std::function<Result<void>(ObjectRecord&)>& change) {
  const std::string row_key = object_row_key(bucket.name, key);
  auto alive = TRY(Buckets::keep_alive(bucket));
  std::lock_guard lock(lock_of(row_key));
  KeyHistory history(store_, bucket, key, TRY(load_to_replace(row_key, true)));
  if (!version_id && !history.current()) return fail(no_such_key(key));
  const ObjectRecord* there = version_id ? TRY(history.find(*version_id)) : history.current();
  if (!there) return fail(no_such_version(key, *version_id));
  if (there->is_delete_marker()) return fail(method_not_allowed("DeleteMarker"));
  const Written written{version_of(bucket, *there)};
  TRY(history.change(*there, change));
  store::Transaction transaction;
  TRY(history.add_to(transaction));
  if (Result<void> committed = store_.commit(std::move(transaction)); !committed) {
    cache_.drop(row_key);
    return fail(std::move(committed).error());
  }
  remember(row_key, history);
  return written;
}

std::vector<std::unique_lock<std::mutex>> ObjectIndex::lock_all(
    const std::map<std::string, bool>& row_keys) {
  std::set<std::mutex*> mutexes;
  for (const auto& [row_key, conditional] : row_keys) mutexes.insert(&lock_of(row_key));
  std::vector<std::unique_lock<std::mutex>> locks;
  locks.reserve(mutexes.size());
  for (std::mutex* mutex : mutexes) locks.emplace_back(*mutex);
  return locks;
}

Result<void> ObjectIndex::update_all(Bucket& bucket, const std::vector<Update>& updates) {
  std::map<std::string, bool> row_keys;
  for (const Update& update : updates) row_keys[object_row_key(bucket.name, update.key)] = true;
  auto alive = TRY(Buckets::keep_alive(bucket));
  const std::vector<std::unique_lock<std::mutex>> locks = lock_all(row_keys);
  std::map<std::string, KeyHistory> histories;
  for (const auto& [row_key, conditional] : row_keys)
    histories.try_emplace(row_key, store_, bucket, row_key.substr(bucket.name.size() + 1),
                          TRY(load_to_replace(row_key, conditional)));
  for (const Update& update : updates) {
    KeyHistory& history = histories.at(object_row_key(bucket.name, update.key));
    const ObjectRecord* there = TRY(history.find(update.version_id));
    if (!there || there->is_delete_marker()) continue;
    Result<void> changed = history.change(*there, update.change);
    if (!changed && changed.error().code.starts_with("Tidemill."))
      return fail(std::move(changed).error());
  }
  store::Transaction transaction;
  for (auto& [row_key, history] : histories) TRY(history.add_to(transaction));
  if (transaction.empty()) return {};
  Result<void> committed = store_.commit(std::move(transaction));
  for (const auto& [row_key, history] : histories) cache_.drop(row_key);
  return committed;
}

Result<Deleted> ObjectIndex::erase_one(KeyHistory& history, const Bucket& bucket,
                                       const Deletion& deletion, store::Transaction& transaction) {
  if (deletion.condition) TRY(deletion.condition(history.current()));
  std::optional<Deleted> deleted;
  if (deletion.version_id) {
    const ObjectRecord* there = deletion.guard ? TRY(history.find(*deletion.version_id)) : nullptr;
    if (there) TRY(deletion.guard(*there));
    deleted = TRY(history.remove_version(*deletion.version_id));
    if (!deleted) return Deleted{deletion.version_id};
  } else {
    const bool there = history.current() != nullptr;
    deleted = TRY(history.remove(clock_.now(), random_));
    if (!there && !deleted->marker_made) return Deleted{};
  }
  if (outbox_)
    TRY(publish_deleted(*outbox_, transaction, bucket, deletion.key, *deleted, clock_.now()));
  return *std::move(deleted);
}

Result<std::vector<Result<Deleted>>> ObjectIndex::erase(Bucket& bucket,
                                                        const std::vector<Deletion>& deletions) {
  std::map<std::string, bool> row_keys;  // and whether conditions hang on the row
  for (const Deletion& deletion : deletions)
    row_keys[object_row_key(bucket.name, deletion.key)] |= static_cast<bool>(deletion.condition);
  std::vector<Result<Deleted>> outcomes;
  std::vector<blobs::BlobRef> to_release;
  {
    auto alive = TRY(Buckets::keep_alive(bucket));
    const std::vector<std::unique_lock<std::mutex>> locks = lock_all(row_keys);
    store::Transaction transaction;
    std::map<std::string, KeyHistory> histories;
    for (const auto& [row_key, conditional] : row_keys)
      histories.try_emplace(row_key, store_, bucket, row_key.substr(bucket.name.size() + 1),
                            TRY(load_to_replace(row_key, conditional)));
    for (const Deletion& deletion : deletions) {
      KeyHistory& history = histories.at(object_row_key(bucket.name, deletion.key));
      Result<Deleted> deleted = erase_one(history, bucket, deletion, transaction);
      if (!deleted && deleted.error().code.starts_with("Tidemill."))
        return fail(std::move(deleted).error());
      outcomes.push_back(std::move(deleted));
    }
    for (auto& [row_key, history] : histories) {
      TRY(history.add_to(transaction));
      note_moves_of(history);
    }
    if (transaction.empty()) return outcomes;
    Result<void> committed = store_.commit(std::move(transaction));
    for (const auto& [row_key, history] : histories) cache_.drop(row_key);
    if (!committed) return fail(std::move(committed).error());
    for (const auto& [row_key, history] : histories)
      to_release.insert(to_release.end(), history.released().begin(), history.released().end());
  }
  for (const blobs::BlobRef& blob : to_release) blobs_.release(blob);
  return outcomes;
}

}  // namespace tidemill::services::s3
