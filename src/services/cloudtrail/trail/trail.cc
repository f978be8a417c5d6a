#include "services/cloudtrail/trail/trail.h"

namespace tidemill::services::cloudtrail {

TIDEMILL_RECORD_CODEC(TrailRecord)
TIDEMILL_RECORD_CODEC(DeliveredFile)
TIDEMILL_RECORD_CODEC(DigestState)

std::string TrailRecord::arn() const {
  return "arn:aws:cloudtrail:" + region + ":" + account + ":trail/" + name;
}

std::string_view invariant(const TrailRecord& trail) {
  if (trail.account.empty() || trail.region.empty() || trail.name.empty())
    return "a trail must have an account, a region and a name";
  if (trail.bucket.empty()) return "a trail must have a bucket";
  if (!trail.selectors.empty() && !trail.advanced_selectors.empty())
    return "a trail must not have both kinds of selectors";
  if (trail.pending_until != 0 && trail.pending_token.empty())
    return "a trail that is writing files must have their token";
  return {};
}

std::string_view invariant(const DigestState& state) {
  if (state.account.empty() || state.trail.empty() || state.region.empty())
    return "a digest must have an account, a trail and a region";
  return {};
}

const store::Table<TrailRecord>& trails_table() {
  static const store::Table<TrailRecord> table{"cloudtrail_trails", {}, &invariant};
  return table;
}

std::string trail_key(std::string_view account, std::string_view region, std::string_view name) {
  return store::key({account, region, name});
}

const store::Table<DigestState>& digests_table() {
  static const store::Table<DigestState> table{"cloudtrail_digests", {}, &invariant};
  return table;
}

std::string digest_key(const DigestState& state) {
  return store::key({state.account, state.home_region, state.trail, state.region});
}

bool covers_region(const TrailRecord& trail, std::string_view region) {
  return trail.multi_region || trail.region == region;
}

}  // namespace tidemill::services::cloudtrail
