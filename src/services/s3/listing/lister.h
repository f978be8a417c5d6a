// Ordered listing of one bucket's keys with common prefixes: what every List operation is made of.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "services/s3/common/core.h"

namespace tidemill::services::s3 {

struct ListQuery {
  std::string bucket;
  std::string prefix;
  std::string delimiter;  // empty: no common prefixes
  // Exclusive. When it is a common prefix itself, everything below that is passed over.
  std::string after;
  std::int64_t count_max = 1000;
};

struct ListEntry {
  std::string key;
  ObjectRecord object;  // without its parts
};

struct ListResult {
  std::vector<ListEntry> objects;
  std::vector<std::string> common_prefixes;
  bool truncated = false;
  // The last key or common prefix that was listed: `after` of the next page. Empty when nothing
  // was.
  std::string last;
};

// Keys below a common prefix are skipped by seeking behind it, so the cost is that of what is
// listed, not of what is there.
Result<ListResult> list_keys(Core& core, const ListQuery& query);

// The part of `key` up to the first delimiter behind the prefix; empty when there is none.
std::string common_prefix_of(std::string_view key, std::string_view prefix,
                             std::string_view delimiter);

// max-keys and its kin: absent means 1000, more is cut to 1000. InvalidArgument when negative.
Result<std::int64_t> page_size(const std::optional<std::int64_t>& wanted, std::string_view name);

// Keys in responses with encoding-type=url.
class KeyEncoding {
 public:
  // InvalidArgument when the type is neither absent nor "url".
  static Result<KeyEncoding> make(const std::optional<std::string>& type);
  std::string operator()(const std::string& key) const;
  // Keys that XML 1.0 cannot hold (with control characters) go out encoded even where nobody asked:
  // AWS answers a document there that no reader takes. The answer names its encoding.
  void cover(const ListResult& listed);
  void cover(const std::string& key);
  // The answer's EncodingType; nullopt: the answer has none.
  std::optional<std::string> type() const;

 private:
  bool url_ = false;
};

}  // namespace tidemill::services::s3
