// A trail: which events go to which bucket, and how far that is done.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/cloudtrail/trail.h"
#include "base/describe.h"
#include "store/table.h"

namespace tidemill::services::cloudtrail {

struct TrailRecord {
  std::string account, region, name;  // the region where it was made
  std::string bucket, key_prefix;
  bool global_events = true, multi_region = false, validation = false;
  bool logging = false;
  // Trails with the same name that are made one after the other differ in it.
  Timestamp created;
  std::optional<Timestamp> started, stopped;
  // At most one of these has entries; neither: all management events.
  std::vector<api::cloudtrail::EventSelector> selectors;
  std::vector<api::cloudtrail::AdvancedEventSelector> advanced_selectors;
  std::map<std::string, std::string> tags;

  // Events up to this position of the audit log have been delivered, or are not the trail's.
  std::uint64_t delivered = 0;
  // The last position that is the trail's when it does not log.
  std::uint64_t deliver_until = 0;
  // Files for the events after `delivered` up to here are being written under names with this
  // token and time, so that a repetition after a crash writes the same files. 0: none.
  std::uint64_t pending_until = 0;
  std::string pending_token;
  Timestamp pending_time;

  std::optional<Timestamp> last_delivery, last_attempt, last_digest;
  std::string delivery_error, digest_error;

  std::string arn() const;
};
TIDEMILL_RECORD(TrailRecord, (),
                (account, region, name, bucket, key_prefix, global_events, multi_region, validation,
                 logging, created, started, stopped, selectors, advanced_selectors, tags, delivered,
                 deliver_until, pending_until, pending_token, pending_time, last_delivery,
                 last_attempt, last_digest, delivery_error, digest_error))

struct DeliveredFile {
  std::string bucket, key, hash;  // hexadecimal SHA-256 of the file before compression
  Timestamp oldest, newest;
};
TIDEMILL_RECORD(DeliveredFile, (), (bucket, key, hash, oldest, newest))

// The digests of a trail in one region, each of which names the one before it.
struct DigestState {
  std::string account, home_region, trail, region;
  Timestamp begun;                   // the start of the next digest
  std::vector<DeliveredFile> files;  // since then
  std::string previous_bucket, previous_key, previous_hash, previous_signature;  // empty: none
};
TIDEMILL_RECORD(DigestState, (),
                (account, home_region, trail, region, begun, files, previous_bucket, previous_key,
                 previous_hash, previous_signature))

// Why a record breaks its invariant (store/invariant.h), "" when it does not.
std::string_view invariant(const TrailRecord& trail);
std::string_view invariant(const DigestState& state);

// Keys: account, region, name.
const store::Table<TrailRecord>& trails_table();
std::string trail_key(std::string_view account, std::string_view region, std::string_view name);
// Keys: account, home region, trail, region.
const store::Table<DigestState>& digests_table();
std::string digest_key(const DigestState& state);

// Whether the trail records events of this region.
bool covers_region(const TrailRecord& trail, std::string_view region);

// The facts of an event that selectors test.
struct EventSubject {
  bool management = true, read_only = false;
  std::string_view source, name;         // "s3.amazonaws.com", "PutObject"
  std::string_view data_type;            // of data events
  const std::vector<std::string>& arns;  // of the resources
  std::string_view user_arn;
};
bool selects(const TrailRecord& trail, const EventSubject& event);
// Whether the trail may select events of this kind at all, whatever they name.
bool may_select(const TrailRecord& trail, bool management, bool read_only);

// InvalidEventSelectorsException.
Result<void> check_selectors(const api::cloudtrail::PutEventSelectorsRequest& request);

}  // namespace tidemill::services::cloudtrail
