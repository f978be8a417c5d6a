// Ordered listing of every version in a bucket: by key, then from the newest to the oldest.
#pragma once

#include "services/s3/listing/lister.h"

namespace tidemill::services::s3 {

struct VersionQuery {
  std::string bucket;
  std::string prefix;
  std::string delimiter;
  std::string key_marker;  // exclusive, unless a version of it is named
  std::optional<std::string> version_id_marker;
  std::int64_t count_max = 1000;
};

struct VersionEntry {
  std::string key;
  ObjectRecord version;  // without its parts
  bool latest = false;
};

struct VersionListResult {
  std::vector<VersionEntry> versions;
  std::vector<std::string> common_prefixes;
  bool truncated = false;
  // The markers of the next page: the last key or common prefix, and the version when it was a key.
  std::string last_key;
  std::optional<std::string> last_version_id;
};

// Seeks behind common prefixes, as list_keys() does.
Result<VersionListResult> list_versions(Core& core, const Bucket& bucket,
                                        const VersionQuery& query);

}  // namespace tidemill::services::s3
