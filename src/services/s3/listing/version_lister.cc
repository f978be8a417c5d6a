#include "services/s3/listing/version_lister.h"

#include <algorithm>

#include "services/s3/common/limits.h"
#include "services/s3/common/version_id.h"

namespace tidemill::services::s3 {

namespace {

// Sorts behind every key that starts with what stands before it: UTF-8 has no such byte.
constexpr char kBehind = '\xff';
constexpr std::size_t kRowsFirst = 2;
constexpr std::size_t kRowsGrowth = 4;

// The rows of one table in the order of their keys, read as they are needed.
template <class Record>
class Cursor {
 public:
  Cursor(store::Store& store, const store::Table<Record>& table, std::string prefix)
      : store_(store), table_(table) {
    scan_.table = table.name();
    scan_.prefix = std::move(prefix);
    scan_.limit = kRowsFirst;
  }
  // The next row is the first one behind this row key.
  void seek_behind(std::string row_key) {
    while (next_ < rows_.size() && rows_[next_].key <= row_key) ++next_;
    if (next_ < rows_.size()) return;
    if (row_key > scan_.after) scan_.after = std::move(row_key);
    scan_.limit = kRowsFirst;
  }
  // Null at the end. Damaged records are left out.
  Result<const Record*> peek() {
    for (;;) {
      if (record_) return &*record_;
      if (next_ == rows_.size()) {
        if (ended_) return nullptr;
        store::Page page = TRY(store_.scan(scan_));
        rows_ = std::move(page.rows);
        next_ = 0;
        ended_ = page.next.empty();
        if (!rows_.empty()) scan_.after = rows_.back().key;
        scan_.limit = std::min(scan_.limit * kRowsGrowth, limits::scan_rows);
        continue;
      }
      const store::Row& row = rows_[next_];
      record_ = store::read_or_skip<Record>(table_.name(), row.key, row.value);
      if (!record_) ++next_;
    }
  }
  const std::string& row_key() const { return rows_[next_].key; }
  Record take() {
    ++next_;
    Record taken = *std::move(record_);
    record_.reset();
    return taken;
  }
  void forget_peeked() { record_.reset(); }

 private:
  store::Store& store_;
  const store::Table<Record>& table_;
  store::Scan scan_;
  std::vector<store::Row> rows_;
  std::size_t next_ = 0;
  std::optional<Record> record_;  // of rows_[next_]
  bool ended_ = false;
};

class VersionLister {
 public:
  VersionLister(Core& core, const Bucket& bucket, const VersionQuery& query)
      : core_(core),
        bucket_(bucket),
        query_(query),
        objects_(core.store, object_table(), object_row_key(query.bucket, query.prefix)),
        versions_(core.store, version_table(), version_rows_of_keys(query.bucket, query.prefix)) {}

  Result<VersionListResult> run() {
    if (query_.count_max == 0) return std::move(result_);
    TRY(begin());
    while (TRY(list_next())) {
    }
    return std::move(result_);
  }

 private:
  void seek_behind_keys_with(const std::string& prefix) {
    objects_.forget_peeked();
    versions_.forget_peeked();
    objects_.seek_behind(object_row_key(query_.bucket, prefix) + kBehind);
    versions_.seek_behind(version_rows_of_keys(query_.bucket, prefix) + kBehind);
  }

  Result<void> begin() {
    const std::string& marker = query_.key_marker;
    if (marker.empty()) return {};
    if (common_prefix_of(marker, query_.prefix, query_.delimiter) == marker) {
      seek_behind_keys_with(marker);
      return {};
    }
    objects_.seek_behind(object_row_key(query_.bucket, marker));
    if (!query_.version_id_marker) {
      versions_.seek_behind(version_row_prefix(query_.bucket, marker) + kBehind);
      return {};
    }
    // Goes on within the key. When the null version of the marker is gone, its place is not known,
    // and no version of the key is left out.
    const std::optional<std::uint64_t> order = TRY(order_of_marker());
    const std::string row_key = order ? version_row_key(query_.bucket, marker, *order)
                                      : version_row_prefix(query_.bucket, marker);
    versions_.seek_behind(row_key);
    // A version that became the newest after the last page.
    StoredObjectPtr current = TRY(core_.objects.find(bucket_, marker));
    if (current && marker.starts_with(query_.prefix) &&
        (!order || current->record.order() < *order))
      list({marker, current->record, true});
    else
      listed_key_ = marker;
    return {};
  }

  Result<std::optional<std::uint64_t>> order_of_marker() {
    if (*query_.version_id_marker != kNullVersion)
      return sequence_of_version_id(*query_.version_id_marker);
    Result<StoredObjectPtr> found =
        core_.objects.require(bucket_, query_.key_marker, query_.version_id_marker);
    if (found) return std::optional((*found)->record.order());
    if (found.error().code == "NoSuchVersion") return std::optional<std::uint64_t>();
    return fail(std::move(found).error());
  }

  // False at the end of the page.
  Result<bool> list_next() {
    const ObjectRecord* object = TRY(objects_.peek());
    const VersionRecord* version = TRY(versions_.peek());
    if (!object && !version) return false;
    const std::string object_key =
        object ? objects_.row_key().substr(query_.bucket.size() + 1) : std::string();
    const bool current = object && (!version || object_key <= version->key);
    const std::string key = current ? object_key : version->key;
    if (std::int64_t(result_.versions.size() + result_.common_prefixes.size()) ==
        query_.count_max) {
      result_.truncated = true;
      return false;
    }
    if (std::string common = common_prefix_of(key, query_.prefix, query_.delimiter);
        !common.empty()) {
      seek_behind_keys_with(common);
      result_.last_key = common;
      result_.last_version_id.reset();
      result_.common_prefixes.push_back(std::move(common));
      return true;
    }
    const bool latest = key != listed_key_;
    if (current)
      list({key, objects_.take(), true});
    else
      list({key, versions_.take(), latest});
    return true;
  }

  void list(VersionEntry entry) {
    entry.version.parts.reset();
    listed_key_ = entry.key;
    result_.last_key = entry.key;
    result_.last_version_id = entry.version.version_id.value_or(std::string(kNullVersion));
    result_.versions.push_back(std::move(entry));
  }

  Core& core_;
  const Bucket& bucket_;
  const VersionQuery& query_;
  Cursor<ObjectRecord> objects_;
  Cursor<VersionRecord> versions_;
  std::string listed_key_;  // the key whose newest version was listed
  VersionListResult result_;
};

}  // namespace

Result<VersionListResult> list_versions(Core& core, const Bucket& bucket,
                                        const VersionQuery& query) {
  return VersionLister(core, bucket, query).run();
}

}  // namespace tidemill::services::s3
