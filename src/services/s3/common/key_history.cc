#include "services/s3/common/key_history.h"

#include <algorithm>

#include "services/s3/common/invariants.h"
#include "services/s3/common/version_id.h"

namespace tidemill::services::s3 {

std::optional<std::string> version_of(const Bucket& bucket, const ObjectRecord& record) {
  if (!bucket.has_versions()) return std::nullopt;
  return record.version_id.value_or(std::string(kNullVersion));
}

KeyHistory::KeyHistory(store::Store& store, const Bucket& bucket, std::string_view key, Row row)
    : store_(store),
      bucket_(bucket),
      key_(key),
      row_(std::move(row)),
      versioning_(bucket.versioning()) {
  if (row_.object) current_ = row_.object->record;
}

void KeyHistory::drop(const ObjectRecord& record) {
  for (blobs::BlobRef& blob : record.blobs()) released_.push_back(std::move(blob));
}

void KeyHistory::note_move(const ObjectRecord& record) {
  for (blobs::BlobRef& blob : record.blobs()) moved_.push_back(std::move(blob));
}

Result<std::optional<VersionRecord>> KeyHistory::newest_version() {
  // Rows sort by descending order. What was erased here is still in the store.
  constexpr std::size_t kRowsFirst = 2;
  constexpr std::size_t kRowsMax = 256;
  store::Scan scan{.table = version_table().name(),
                   .prefix = version_row_prefix(bucket_.name, key_)};
  scan.limit = kRowsFirst;
  auto known = std::ranges::find_if(
      versions_, [](const auto& entry) { return entry.second.record.has_value(); });
  do {
    store::Page page = TRY(store_.scan(scan));
    for (const store::Row& row : page.rows) {
      if (known != versions_.end() && known->first <= row.key) return known->second.record;
      if (versions_.contains(row.key)) continue;  // erased
      auto record = store::read_or_skip<VersionRecord>(version_table().name(), row.key, row.value);
      if (record) return record;
    }
    scan.after = page.next;
    scan.limit = std::min(scan.limit * 4, kRowsMax);
  } while (!scan.after.empty());
  if (known != versions_.end()) return known->second.record;
  return std::optional<VersionRecord>();
}

Result<std::uint64_t> KeyHistory::next_sequence(Timestamp now) {
  std::uint64_t newest = 0;
  if (current_) {
    newest = current_->order();
  } else if (const auto version = TRY(newest_version())) {
    newest = version->order();
  }
  return std::max(std::uint64_t(now.microseconds), newest + 1);
}

Result<std::optional<std::string>> KeyHistory::find_null_row() {
  for (const auto& [row_key, change] : versions_)
    if (change.record && !change.record->version_id) return std::optional(row_key);
  store::Scan scan{.table = version_table().name(),
                   .index = kNullVersionIndex,
                   .prefix = version_row_prefix(bucket_.name, key_)};
  for (;;) {
    store::Page page = TRY(store_.scan(scan));
    for (store::Row& row : page.rows) {
      if (versions_.contains(row.key)) continue;  // erased here
      VersionRecord record =
          TRY(store::read_record<VersionRecord>(version_table().name(), row.key, row.value));
      versions_[row.key] = {std::move(record)};
      return std::optional(std::move(row.key));
    }
    if (page.next.empty()) return std::optional<std::string>();
    scan.after = page.next;
  }
}

Result<std::optional<std::string>> KeyHistory::find_row(std::string_view version_id) {
  if (version_id == kNullVersion) return find_null_row();
  const std::optional<std::uint64_t> sequence = sequence_of_version_id(version_id);
  if (!sequence) return std::optional<std::string>();
  std::string row_key = version_row_key(bucket_.name, key_, *sequence);
  auto known = versions_.find(row_key);
  if (known == versions_.end()) {
    auto row = TRY(version_table().get(store_, row_key));
    if (!row) return std::optional<std::string>();
    known = versions_.insert_or_assign(row_key, Change{std::move(row->record)}).first;
  }
  if (!known->second.record || known->second.record->version_id != version_id)
    return std::optional<std::string>();
  return std::optional(std::move(row_key));
}

Result<const ObjectRecord*> KeyHistory::find(std::string_view version_id) {
  if (current_ && current_->version_id.value_or(std::string(kNullVersion)) == version_id)
    return &*current_;
  const auto row_key = TRY(find_row(version_id));
  if (!row_key) return nullptr;
  return &*versions_[*row_key].record;
}

Result<void> KeyHistory::change(const ObjectRecord& record,
                                const std::function<Result<void>(ObjectRecord&)>& change) {
  if (current_ && &record == &*current_) {
    TRY(change(*current_));
    current_changed_ = true;
    return {};
  }
  for (auto& [row_key, version] : versions_) {
    if (!version.record || &record != &*version.record) continue;
    TRY(change(*version.record));
    version.changed = true;
    return {};
  }
  return fail(codes::kInvalid, "the record is not of this key");
}

void KeyHistory::retire_current(bool replace_null) {
  if (!current_) return;
  if (replace_null && !current_->version_id) {
    drop(*current_);
  } else {
    note_move(*current_);
    VersionRecord version;
    static_cast<ObjectRecord&>(version) = std::move(*current_);
    version.sequence = version.order();
    version.bucket = bucket_.name;
    version.key = key_;
    const std::string row_key = version_row_key(bucket_.name, key_, version.order());
    versions_[row_key] = {std::move(version), true};
  }
  current_.reset();
  current_changed_ = true;
}

Result<void> KeyHistory::drop_null_version() {
  const auto row_key = TRY(find_null_row());
  if (!row_key) return {};
  Change& change = versions_[*row_key];
  drop(*change.record);
  change = {std::nullopt, true};
  return {};
}

Result<Written> KeyHistory::put(ObjectRecord next, Timestamp now, Random& random) {
  Written written;
  if (versioning_ == Versioning::off) {
    retire_current(true);
  } else {
    next.sequence = TRY(next_sequence(now));
    if (versioning_ == Versioning::enabled)
      next.version_id = make_version_id(*next.sequence, random);
    written.version_id = next.version_id.value_or(std::string(kNullVersion));
    retire_current(versioning_ == Versioning::suspended);
    if (versioning_ == Versioning::suspended) TRY(drop_null_version());
  }
  current_ = std::move(next);
  current_changed_ = true;
  return written;
}

Result<Deleted> KeyHistory::remove(Timestamp now, Random& random) {
  current_changed_ = true;
  if (versioning_ == Versioning::off) {
    retire_current(true);
    return Deleted{};
  }
  VersionRecord marker;
  marker.bucket = bucket_.name;
  marker.key = key_;
  marker.delete_marker = true;
  marker.modified = now;
  marker.sequence = TRY(next_sequence(now));
  if (versioning_ == Versioning::enabled)
    marker.version_id = make_version_id(*marker.sequence, random);
  retire_current(versioning_ == Versioning::suspended);
  if (versioning_ == Versioning::suspended) TRY(drop_null_version());
  Deleted deleted{marker.version_id.value_or(std::string(kNullVersion)), true, true};
  const std::string row_key = version_row_key(bucket_.name, key_, marker.order());
  versions_[row_key] = {std::move(marker), true};
  return deleted;
}

Result<std::optional<Deleted>> KeyHistory::remove_version(std::string_view version_id) {
  Deleted deleted{std::string(version_id)};
  if (current_ && current_->version_id.value_or(std::string(kNullVersion)) == version_id) {
    drop(*current_);
    current_.reset();
    current_changed_ = true;
    return std::optional(std::move(deleted));
  }
  if (versioning_ == Versioning::off) return std::optional<Deleted>();
  const auto row_key = TRY(find_row(version_id));
  if (!row_key) return std::optional<Deleted>();
  Change& change = versions_[*row_key];
  deleted.delete_marker = change.record->is_delete_marker();
  drop(*change.record);
  change = {std::nullopt, true};
  return std::optional(std::move(deleted));
}

Result<void> KeyHistory::promote_newest() {
  if (current_ || versioning_ == Versioning::off) return {};
  // A damaged record stays until something takes its place.
  if (row_.exists && !current_changed_) return {};
  std::optional<VersionRecord> newest = TRY(newest_version());
  if (!newest || newest->is_delete_marker()) return {};
  versions_[version_row_key(bucket_.name, key_, newest->order())] = {std::nullopt, true};
  note_move(*newest);
  current_ = static_cast<ObjectRecord&&>(*newest);
  current_changed_ = true;
  return {};
}

Result<void> KeyHistory::add_to(store::Transaction& transaction) {
  TRY(promote_newest());
  const std::string row_key = object_row_key(bucket_.name, key_);
  if (current_ && current_changed_) {
    object_table().put(transaction, row_key, *current_, row_.version);
  } else if (!current_ && row_.exists && current_changed_) {
    object_table().erase(transaction, row_key, row_.version);
  }
  for (const auto& [key, change] : versions_) {
    if (!change.changed) continue;
    if (change.record)
      version_table().put(transaction, key, *change.record, std::nullopt);
    else
      version_table().erase(transaction, key, std::nullopt);
  }
  return {};
}

StoredObjectPtr KeyHistory::committed() const {
  if (!current_) return nullptr;
  // The store counts from 1; which version a damaged record had is not known.
  return std::make_shared<const StoredObject>(
      StoredObject{*current_, row_.version.value_or(0) + (current_changed_ ? 1 : 0)});
}

}  // namespace tidemill::services::s3
