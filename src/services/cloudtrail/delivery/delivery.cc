#include "services/cloudtrail/delivery/delivery.h"

#include <algorithm>

#include "base/byte_stream.h"
#include "base/checksum.h"
#include "base/encoding.h"
#include "base/json.h"
#include "base/log.h"
#include "services/cloudtrail/delivery/file_names.h"
#include "services/cloudtrail/event/event_text.h"
#include "services/platform/commits/retry.h"
#include "store/position_key.h"

namespace tidemill::services::cloudtrail {
namespace {

constexpr std::size_t kTokenLength = 16;
constexpr std::string_view kTokenAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
constexpr std::size_t kPageRecords = 1000;

std::string text_of(const Value& event, std::string_view name) {
  const Value* value = event.find(name);
  return value && value->as_string() ? *value->as_string() : std::string();
}

bool flag_of(const Value& event, std::string_view name) {
  const Value* value = event.find(name);
  const bool* flag = value ? value->get_if<bool>() : nullptr;
  return flag && *flag;
}

// The type by which selectors name the event's resource.
std::string data_type_of(std::string_view source, const std::vector<std::string>& arns) {
  if (source == "s3.amazonaws.com") return "AWS::S3::Object";
  return arns.empty() ? std::string() : resource_type(arns.front());
}

bool is_trails(const TrailRecord& trail, const StoredEvent& event) {
  return event.account == trail.account && covers_region(trail, event.region);
}

}  // namespace

bool selects(const TrailRecord& trail, const StoredEvent& stored) {
  const Result<Value> event = parse_json(stored.text);
  if (!event) return false;
  const std::string source = text_of(*event, "eventSource"), name = text_of(*event, "eventName");
  if (!trail.global_events && (source == "iam.amazonaws.com" || source == "sts.amazonaws.com"))
    return false;
  std::vector<std::string> arns;
  std::string type;
  if (const Value* resources = event->find("resources"); resources && resources->as_list())
    for (const Value& resource : *resources->as_list()) arns.push_back(text_of(resource, "ARN"));
  const bool management = flag_of(*event, "managementEvent");
  if (!management) type = data_type_of(source, arns);
  const Value* identity = event->find("userIdentity");
  const std::string user = identity ? text_of(*identity, "arn") : std::string();
  return selects(
      trail, EventSubject{management, flag_of(*event, "readOnly"), source, name, type, arns, user});
}

Result<void> TrailDelivery::deliver() {
  TRY(parts_.service.add_checkpoint());
  Result<void> outcome;
  for (TrailRecord& trail : TRY(parts_.service.all_trails())) {
    const std::string arn = trail.arn();
    Result<void> done = deliver_trail(trail);
    std::string digest_error;
    if (done && trail.validation) {
      const Result<void> digests = write_digests(trail);
      if (!digests) digest_error = digests.error().code + ": " + digests.error().message;
    }
    if (!trail.logging && done && digest_error.empty()) continue;
    const std::string error = done ? "" : done.error().code + ": " + done.error().message;
    if (!error.empty() && error != trail.delivery_error)
      log::warning("a trail's events cannot be delivered", {{"trail", arn}, {"reason", error}});
    Result<TrailRecord> noted = parts_.service.change_trail(
        trail.account, trail.region, trail.name, [&](TrailRecord& record) -> Result<void> {
          record.delivery_error = error;
          record.digest_error = digest_error;
          record.last_attempt = parts_.clock.now();
          return {};
        });
    if (!noted && noted.error().code != "TrailNotFoundException")
      outcome = std::unexpected(noted.error());
  }
  return outcome;
}

// Works in rounds. Each round stores which events go into files of which names, then writes them.
Result<void> TrailDelivery::deliver_trail(TrailRecord trail) {
  while (true) {
    // A trail that has stopped still gets what happened before.
    const std::uint64_t end =
        trail.logging ? parts_.service.log().head().position : trail.deliver_until;
    const Batch batch = TRY(next_batch(trail, end));
    if (batch.until == trail.delivered) return {};
    if (trail.pending_until != batch.until && !batch.by_region.empty()) {
      const Timestamp created = trail.created;
      trail = TRY(parts_.service.change_trail(
          trail.account, trail.region, trail.name, [&](TrailRecord& record) -> Result<void> {
            if (record.created != created)
              return fail("TrailNotFoundException", "The trail was made again.", 400);
            record.pending_until = batch.until;
            record.pending_token = make_token(parts_.random, kTokenLength, kTokenAlphabet);
            record.pending_time = parts_.clock.now();
            return {};
          }));
    }
    std::map<std::string, DeliveredFile> files;
    for (const auto& [region, events] : batch.by_region)
      files.emplace(region, TRY(write_file(trail, region, events)));
    TRY(commit_batch(trail, batch, files));
    trail.delivered = batch.until;
    trail.pending_until = 0;
    if (!batch.more) return {};
  }
}

// The events after `delivered` up to `last`; exactly those of a batch that was begun.
Result<TrailDelivery::Batch> TrailDelivery::next_batch(const TrailRecord& trail,
                                                       std::uint64_t last) {
  Batch batch;
  batch.until = trail.delivered;
  const std::uint64_t until = trail.pending_until;
  const std::uint64_t end = until ? until : last;
  store::Scan scan;
  scan.table = events_table().name();
  scan.after = trail.delivered ? store::position_key(trail.delivered) : "";
  scan.limit = kPageRecords;
  std::size_t events = 0, bytes = 0;
  while (batch.until < end) {
    const store::Page page = TRY(parts_.store.scan(scan));
    for (const store::Row& row : page.rows) {
      const std::uint64_t position = store::position_of(row.key).value_or(0);
      if (position > end) break;
      if (!until && (events >= kFileEventsMax || bytes >= kFileBytesMax)) {
        batch.more = true;
        return batch;
      }
      batch.until = position;
      std::optional<StoredEvent> event =
          store::read_or_skip<StoredEvent>(scan.table, row.key, row.value);
      if (!event || !is_trails(trail, *event) || !selects(trail, *event)) continue;
      ++events;
      bytes += event->text.size();
      batch.by_region[event->region].push_back(*std::move(event));
    }
    scan.after = page.next;
    if (page.next.empty()) break;
  }
  batch.until = std::max(batch.until, end);
  return batch;
}

Result<void> TrailDelivery::put(const TrailRecord& trail, const std::string& key,
                                const std::string& bytes,
                                const std::map<std::string, std::string>& metadata) {
  const std::unique_ptr<s3::S3Interface> s3 = parts_.s3(trail.account, trail.region);
  StringSource source(bytes);
  TRY(s3->put_object(trail.account, trail.bucket, key, source, {"application/json", metadata}));
  return {};
}

Result<DeliveredFile> TrailDelivery::write_file(const TrailRecord& trail, const std::string& region,
                                                const std::vector<StoredEvent>& events) {
  std::string text = R"({"Records":[)";
  DeliveredFile file;
  for (const StoredEvent& event : events) {
    if (&event != &events.front()) text += ',';
    text += event.text;
    if (&event == &events.front() || event.time < file.oldest) file.oldest = event.time;
    file.newest = std::max(file.newest, event.time);
  }
  text += "]}";
  file.bucket = trail.bucket;
  file.key = log_file_key(trail, region, trail.pending_time, trail.pending_token);
  file.hash = encode_hex(checksum_of(ChecksumAlgorithm::sha256, text));
  const std::string bytes = TRY(gzip(text));
  TRY(put(trail, file.key, bytes, {}));
  return file;
}

Result<DigestState> TrailDelivery::digest_state(const TrailRecord& trail, const std::string& region,
                                                std::uint64_t& version) {
  DigestState state{trail.account, trail.region, trail.name, region, {}, {}, {}, {}, {}, {}};
  state.begun = trail.started.value_or(trail.created);
  std::optional<store::Versioned<DigestState>> found =
      TRY(digests_table().get(parts_.store, digest_key(state)));
  version = found ? found->version : 0;
  if (found) return std::move(found->record);
  return state;
}

Result<void> TrailDelivery::commit_batch(const TrailRecord& trail, const Batch& batch,
                                         const std::map<std::string, DeliveredFile>& files) {
  const std::string key = trail_key(trail.account, trail.region, trail.name);
  return platform::retry_conflicts([&]() -> Result<void> {
    std::optional<store::Versioned<TrailRecord>> found = TRY(trails_table().get(parts_.store, key));
    if (!found || found->record.created != trail.created) return {};  // deleted meanwhile
    found->record.delivered = batch.until;
    found->record.pending_until = 0;
    if (!files.empty()) found->record.last_delivery = parts_.clock.now();
    store::Transaction transaction;
    trails_table().put(transaction, key, found->record, found->version);
    if (trail.validation)
      for (const auto& [region, file] : files) {
        std::uint64_t version = 0;
        DigestState state = TRY(digest_state(trail, region, version));
        state.files.push_back(file);
        digests_table().put(transaction, digest_key(state), state, version);
      }
    return parts_.store.commit(std::move(transaction));
  });
}

}  // namespace tidemill::services::cloudtrail
