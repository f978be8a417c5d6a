#include "services/cloudtrail/cloudtrail_service.h"

#include "services/cloudtrail/log/signing_key.h"
#include "services/platform/commits/retry.h"
#include "store/position_key.h"

namespace tidemill::services::cloudtrail {
namespace {

namespace ops = api::cloudtrail::operations;

// A new key is made when the current one has less than this left.
constexpr std::chrono::hours kKeyReserve{24 * 7};
constexpr std::chrono::hours kKeyLifetime{24 * 365};

}  // namespace

Error public_error(Error error) {
  if (error.code == codes::kConflict)
    return {"ConflictException", "The trail was changed by another call; try again.", 409};
  return error;
}

CloudTrailService::CloudTrailService(Dependencies dependencies)
    : dependencies_(std::move(dependencies)), log_(dependencies_.store) {}

std::vector<store::TableSpec> CloudTrailService::tables() {
  return {events_table().spec(), heads_table().spec(),  checkpoints_table().spec(),
          keys_table().spec(),   trails_table().spec(), digests_table().spec()};
}

void CloudTrailService::add_to(Registry& registry) {
  using Service = CloudTrailService;
  registry.add<ops::LookupEvents>(*this, &Service::lookup_events);
  registry.add<ops::ListPublicKeys>(*this, &Service::list_public_keys);
  registry.add<ops::CreateTrail>(*this, &Service::create_trail);
  registry.add<ops::GetTrail>(*this, &Service::get_trail);
  registry.add<ops::DescribeTrails>(*this, &Service::describe_trails);
  registry.add<ops::ListTrails>(*this, &Service::list_trails);
  registry.add<ops::UpdateTrail>(*this, &Service::update_trail);
  registry.add<ops::DeleteTrail>(*this, &Service::delete_trail);
  registry.add<ops::StartLogging>(*this, &Service::start_logging);
  registry.add<ops::StopLogging>(*this, &Service::stop_logging);
  registry.add<ops::GetTrailStatus>(*this, &Service::get_trail_status);
  registry.add<ops::PutEventSelectors>(*this, &Service::put_event_selectors);
  registry.add<ops::GetEventSelectors>(*this, &Service::get_event_selectors);
  registry.add<ops::AddTags>(*this, &Service::add_tags);
  registry.add<ops::ListTags>(*this, &Service::list_tags);
  registry.add<ops::RemoveTags>(*this, &Service::remove_tags);
}

Result<void> CloudTrailService::start() {
  TRY(refresh_trails());
  return log_.start();
}

Result<std::vector<TrailRecord>> CloudTrailService::all_trails() {
  std::vector<TrailRecord> trails;
  store::Scan scan;
  do {
    store::RecordPage<TrailRecord> page = TRY(trails_table().scan(dependencies_.store, scan));
    for (store::Versioned<TrailRecord>& row : page.records) trails.push_back(std::move(row.record));
    scan.after = page.next;
  } while (!scan.after.empty());
  return trails;
}

Result<void> CloudTrailService::refresh_trails() {
  // One refresh at a time, so that an older reading never replaces a newer one.
  std::lock_guard lock(refreshing_);
  auto logging = std::make_shared<std::vector<TrailRecord>>();
  bool reads = false, data = false;
  for (TrailRecord& trail : TRY(all_trails())) {
    if (!trail.logging) continue;
    reads = reads || may_select(trail, true, true);
    data = data || may_select(trail, false, true) || may_select(trail, false, false);
    logging->push_back(std::move(trail));
  }
  logging_.store(std::move(logging));
  wants_reads_.store(reads);
  wants_data_.store(data);
  return {};
}

Result<SigningKeyRecord> CloudTrailService::signing_key() {
  std::lock_guard lock(making_key_);
  const Timestamp now = dependencies_.clock.now();
  store::Scan scan;
  do {
    const store::RecordPage<SigningKeyRecord> page =
        TRY(keys_table().scan(dependencies_.store, scan));
    for (const store::Versioned<SigningKeyRecord>& row : page.records)
      if (row.record.valid_from <= now && now + kKeyReserve < row.record.valid_until)
        return row.record;
    scan.after = page.next;
  } while (!scan.after.empty());
  SigningKeyRecord key = TRY(make_signing_key());
  key.valid_from = now;
  key.valid_until = now + kKeyLifetime;
  store::Transaction transaction;
  keys_table().put(transaction, key.fingerprint, key, 0);
  TRY(dependencies_.store.commit(std::move(transaction)));
  return key;
}

Result<void> CloudTrailService::add_checkpoint() {
  const ChainHead head = log_.head();
  if (head.position == head.deleted_position) return {};
  const std::string key_text = store::position_key(head.position);
  if (TRY(checkpoints_table().get(dependencies_.store, key_text))) return {};
  const SigningKeyRecord key = TRY(signing_key());
  Checkpoint checkpoint{head.position, head.hash, dependencies_.clock.now(), key.fingerprint, {}};
  checkpoint.signature = TRY(sign(key, checkpoint_text(checkpoint)));
  store::Transaction transaction;
  checkpoints_table().put(transaction, key_text, checkpoint, 0);
  return dependencies_.store.commit(std::move(transaction));
}

Result<TrailRecord> CloudTrailService::change_trail(
    std::string_view account, std::string_view region, std::string_view name,
    const std::function<Result<void>(TrailRecord&)>& change) {
  const std::string key = trail_key(account, region, name);
  return platform::retry_conflicts([&]() -> Result<TrailRecord> {
    std::optional<store::Versioned<TrailRecord>> found =
        TRY(trails_table().get(dependencies_.store, key));
    if (!found)
      return fail("TrailNotFoundException",
                  "Unknown trail: " + std::string(name) + " for the user: " + std::string(account),
                  400);
    TRY(change(found->record));
    store::Transaction transaction;
    trails_table().put(transaction, key, found->record, found->version);
    TRY(dependencies_.store.commit(std::move(transaction)));
    return std::move(found->record);
  });
}

}  // namespace tidemill::services::cloudtrail
