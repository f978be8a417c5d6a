#include <algorithm>

#include "services/s3/bucket/configurations.h"
#include "services/s3/common/errors.h"
#include "services/s3/common/limits.h"
#include "services/s3/common/version_id.h"
#include "services/s3/lifecycle/lifecycle.h"
#include "services/s3/lifecycle/rules.h"
#include "services/s3/multipart/uploads.h"
#include "services/s3/object/lock.h"
#include "services/s3/object/storage_class.h"

namespace tidemill::services::s3 {

namespace {

constexpr std::int64_t kDayMicroseconds = 86'400'000'000;
// Deletions or moves of one transaction: small, so that writers of the same keys wait little.
constexpr std::size_t kChangesAtOnce = 200;

// One bucket's turn.
class BucketTurn {
 public:
  BucketTurn(Core& core, Bucket& bucket, std::vector<ActiveRule> rules, Timestamp now,
             const std::stop_token& stop)
      : core_(core), bucket_(bucket), rules_(std::move(rules)), now_(now), stop_(stop) {}

  Result<void> run() {
    TRY(expire_objects());
    TRY(move_objects());
    if (bucket_.has_versions()) TRY(expire_versions());
    return abort_uploads();
  }

 private:
  bool any(bool (ActiveRule::*what)() const) const {
    return std::ranges::any_of(rules_, [&](const ActiveRule& rule) { return (rule.*what)(); });
  }
  // The prefix that the keys of all these rules share.
  std::string common_prefix(bool (ActiveRule::*what)() const) const {
    std::optional<std::string> common;
    for (const ActiveRule& rule : rules_) {
      if (!(rule.*what)()) continue;
      if (!common) common = rule.prefix();
      const auto differs = std::ranges::mismatch(*common, rule.prefix()).in1;
      common->erase(differs, common->end());
    }
    return common.value_or("");
  }

  template <class Record, class Visit>
  Result<void> for_each(const store::Table<Record>& table, std::string prefix, Visit visit) {
    store::Scan scan{.table = table.name(), .prefix = std::move(prefix)};
    scan.limit = limits::scan_rows;
    do {
      if (stop_.stop_requested()) return fail(codes::kCancelled, "the server is being stopped");
      store::Page page = TRY(core_.store.scan(scan));
      for (const store::Row& row : page.rows)
        if (auto record = store::read_or_skip<Record>(table.name(), row.key, row.value))
          TRY(visit(row.key, *record));
      scan.after = page.next;
    } while (!scan.after.empty());
    return {};
  }

  Result<void> expire_objects() {
    if (!any(&ActiveRule::expires_objects)) return {};
    const std::size_t bucket_bytes = bucket_.name.size() + 1;
    TRY(for_each(object_table(),
                 object_row_key(bucket_.name, common_prefix(&ActiveRule::expires_objects)),
                 [&](const std::string& row_key, const ObjectRecord& object) -> Result<void> {
                   std::string key = row_key.substr(bucket_bytes);
                   const bool due = std::ranges::any_of(rules_, [&](const ActiveRule& rule) {
                     return rule.object_is_due(object.modified, now_) && rule.matches(key, object);
                   });
                   if (!due) return {};
                   return erase({std::move(key), std::nullopt, unchanged(object)});
                 }));
    return erase_collected();
  }

  // Fails when the object is no longer the one that was due.
  static ObjectIndex::Condition unchanged(const ObjectRecord& object) {
    return [etag = object.etag, modified = object.modified,
            version_id = object.version_id](const ObjectRecord* there) -> Result<void> {
      if (there && there->etag == etag && there->modified == modified &&
          there->version_id == version_id)
        return {};
      return fail(precondition_failed("lifecycle"));
    };
  }

  // The versions of a key come together, the newest first.
  Result<void> expire_versions() {
    if (!any(&ActiveRule::handles_versions)) return {};
    std::vector<VersionRecord> of_key;
    TRY(for_each(version_table(),
                 version_rows_of_keys(bucket_.name, common_prefix(&ActiveRule::handles_versions)),
                 [&](const std::string&, const VersionRecord& version) -> Result<void> {
                   if (!of_key.empty() && of_key.front().key != version.key) {
                     TRY(expire_versions_of(of_key));
                     of_key.clear();
                   }
                   of_key.push_back(version);
                   of_key.back().parts.reset();
                   return {};
                 }));
    if (!of_key.empty()) TRY(expire_versions_of(of_key));
    TRY(move_collected());
    return erase_collected();
  }

  Result<void> expire_versions_of(const std::vector<VersionRecord>& versions) {
    const std::string& key = versions.front().key;
    auto current = TRY(object_table().get(core_.store, object_row_key(bucket_.name, key)));
    const bool lone_marker =
        !current && versions.size() == 1 && versions.front().is_delete_marker();
    if (lone_marker) {
      const bool due = std::ranges::any_of(rules_, [&](const ActiveRule& rule) {
        return rule.lone_marker_is_due(versions.front().modified, now_) &&
               rule.matches(key, versions.front());
      });
      // A put that comes first makes the marker an older version like any other.
      return due ? erase(deletion_of(versions.front())) : Result<void>();
    }
    // A version is noncurrent since its successor was written.
    std::optional<Timestamp> since;
    if (current) since = current->record.modified;
    std::int64_t newer = 0;
    for (const VersionRecord& version : versions) {
      if (since) {
        const bool due = std::ranges::any_of(rules_, [&](const ActiveRule& rule) {
          return rule.noncurrent_is_due(*since, newer, now_) && rule.matches(key, version);
        });
        if (due)
          TRY(erase(deletion_of(version)));
        else
          TRY(move_noncurrent(version, *since, newer));
        ++newer;
      }
      since = version.modified;
    }
    return {};
  }

  // To colder storage classes.
  Result<void> move_objects() {
    if (!any(&ActiveRule::moves_objects)) return {};
    const std::size_t bucket_bytes = bucket_.name.size() + 1;
    TRY(for_each(object_table(),
                 object_row_key(bucket_.name, common_prefix(&ActiveRule::moves_objects)),
                 [&](const std::string& row_key, const ObjectRecord& object) -> Result<void> {
                   const std::string key = row_key.substr(bucket_bytes);
                   std::string_view coldest;
                   for (const ActiveRule& rule : rules_) {
                     const std::string_view due = rule.class_due(object, now_);
                     if (coldness_of(due) > coldness_of(coldest) && rule.matches(key, object))
                       coldest = due;
                   }
                   return move(key, object, coldest);
                 }));
    return move_collected();
  }

  Result<void> move_noncurrent(const VersionRecord& version, Timestamp since, std::int64_t newer) {
    if (version.is_delete_marker()) return {};
    std::string_view coldest;
    for (const ActiveRule& rule : rules_) {
      const std::string_view due = rule.noncurrent_class_due(version, since, newer, now_);
      if (coldness_of(due) > coldness_of(coldest) && rule.matches(version.key, version))
        coldest = due;
    }
    return move(version.key, version, coldest);
  }

  // Only ever to a colder class than the object's own.
  Result<void> move(const std::string& key, const ObjectRecord& object,
                    std::string_view storage_class) {
    if (coldness_of(storage_class) <= coldness_of(object.storage_class.value_or("STANDARD")))
      return {};
    // Fails if the object was replaced in the meantime.
    moves_.push_back({key, object.version_id.value_or(std::string(kNullVersion)),
                      [etag = object.etag, modified = object.modified,
                       colder = std::string(storage_class)](ObjectRecord& there) -> Result<void> {
                        if (there.etag != etag || there.modified != modified)
                          return fail(precondition_failed("lifecycle"));
                        there.storage_class = colder;
                        there.restored_until.reset();
                        return {};
                      }});
    return moves_.size() < kChangesAtOnce ? Result<void>() : move_collected();
  }
  Result<void> move_collected() {
    if (moves_.empty()) return {};
    return core_.objects.update_all(bucket_, std::exchange(moves_, {}));
  }

  ObjectIndex::Deletion deletion_of(const VersionRecord& version) const {
    return {version.key,
            version.version_id.value_or(std::string(kNullVersion)),
            {},
            // Another null version may have taken its place.
            [now = now_, order = version.order()](const ObjectRecord& there) -> Result<void> {
              if (there.order() != order) return fail(precondition_failed("lifecycle"));
              return check_unlocked(there, now, false);
            }};
  }

  Result<void> abort_uploads() {
    if (!any(&ActiveRule::aborts_uploads)) return {};
    std::vector<StoredUpload> due;
    TRY(for_each(upload_table(), object_row_key(bucket_.name, ""),
                 [&](const std::string&, const UploadRecord& upload) -> Result<void> {
                   const bool matches = std::ranges::any_of(rules_, [&](const ActiveRule& rule) {
                     return rule.upload_is_due(upload.initiated, now_) &&
                            upload.key.starts_with(rule.prefix());
                   });
                   if (!matches) return {};
                   Result<StoredUpload> stored =
                       require_upload(core_, upload.bucket, upload.key, upload.id);
                   if (!stored) return {};  // it has ended meanwhile
                   Result<void> aborted = abort_upload(core_, *stored);
                   if (!aborted && aborted.error().code.starts_with("Tidemill.")) return aborted;
                   return {};
                 }));
    return {};
  }

  Result<void> erase(ObjectIndex::Deletion deletion) {
    collected_.push_back(std::move(deletion));
    return collected_.size() < kChangesAtOnce ? Result<void>() : erase_collected();
  }
  // Versions that changed meanwhile or are locked stay.
  Result<void> erase_collected() {
    if (collected_.empty()) return {};
    const std::vector<ObjectIndex::Deletion> deletions = std::exchange(collected_, {});
    TRY(core_.objects.erase(bucket_, deletions));
    return {};
  }

  Core& core_;
  Bucket& bucket_;
  const std::vector<ActiveRule> rules_;
  const Timestamp now_;
  const std::stop_token& stop_;
  std::vector<ObjectIndex::Deletion> collected_;
  std::vector<ObjectIndex::Update> moves_;
};

}  // namespace

Result<void> LifecycleSweep::run(Timestamp now, const std::stop_token& stop) {
  const std::int64_t day = now.microseconds / kDayMicroseconds;
  std::map<std::string, Done> done = std::exchange(done_, {});
  for (const std::shared_ptr<Bucket>& bucket : core_.buckets.all()) {
    const std::shared_ptr<const BucketRecord> record = core_.buckets.record(*bucket);
    if (!record->configurations || !record->configurations->contains(std::string(kLifecycle)))
      continue;
    Done& before = done[bucket->name];
    if (before.record != record || before.day != day) {
      auto kept =
          TRY(configuration<api::s3::BucketLifecycleConfiguration>(core_, *bucket, kLifecycle));
      if (kept) {
        Result<void> turn =
            BucketTurn(core_, *bucket, active_rules(*kept, transition_sizes_of(*record)), now, stop)
                .run();
        if (!turn && turn.error().code != "NoSuchBucket") return turn;
      }
    }
    done_[bucket->name] = {record, day};
  }
  return {};
}

}  // namespace tidemill::services::s3
