#include "services/cloudtrail/trail/trail.h"

namespace tidemill::services::cloudtrail {

TIDEMILL_RECORD_CODEC(TrailRecord)
TIDEMILL_RECORD_CODEC(DeliveredFile)
TIDEMILL_RECORD_CODEC(DigestState)

std::string TrailRecord::arn() const {
  return "arn:aws:cloudtrail:" + region + ":" + account + ":trail/" + name;
}

const store::Table<TrailRecord>& trails_table() {
  static const store::Table<TrailRecord> table{"cloudtrail_trails"};
  return table;
}

std::string trail_key(std::string_view account, std::string_view region, std::string_view name) {
  return store::key({account, region, name});
}

const store::Table<DigestState>& digests_table() {
  static const store::Table<DigestState> table{"cloudtrail_digests"};
  return table;
}

std::string digest_key(const DigestState& state) {
  return store::key({state.account, state.home_region, state.trail, state.region});
}

bool covers_region(const TrailRecord& trail, std::string_view region) {
  return trail.multi_region || trail.region == region;
}

}  // namespace tidemill::services::cloudtrail
