#include "services/s3/listing/lister.h"

#include <algorithm>

#include "base/encoding.h"
#include "services/s3/common/errors.h"
#include "services/s3/common/limits.h"

namespace tidemill::services::s3 {

namespace {

// Sorts behind every key that starts with what stands before it: UTF-8 has no such byte.
constexpr char kBehind = '\xff';
constexpr std::size_t kRowsAfterPrefix = 1;
constexpr std::size_t kRowsGrowth = 4;

class Lister {
 public:
  Lister(Core& core, const ListQuery& query) : core_(core), query_(query) {
    position_ = query.after;
    // A page that ended with a common prefix goes on behind it.
    if (!position_.empty() &&
        common_prefix_of(position_, query.prefix, query.delimiter) == position_)
      position_ += kBehind;
  }

  Result<ListResult> run() {
    if (query_.count_max == 0) return std::move(result_);
    while (TRY(list_page())) {
    }
    return std::move(result_);
  }

 private:
  // One scan of the store; false when the listing is complete.
  Result<bool> list_page() {
    const std::size_t bucket_bytes = query_.bucket.size() + 1;
    store::Scan scan{.table = object_table().name(),
                     .prefix = object_row_key(query_.bucket, query_.prefix)};
    if (!position_.empty()) scan.after = object_row_key(query_.bucket, position_);
    // One more than is wanted tells whether the listing is cut.
    scan.limit = std::min<std::size_t>(rows_wanted_, std::size_t(query_.count_max - count_) + 1);
    store::Page page = TRY(core_.store.scan(scan));
    rows_wanted_ = std::min(rows_wanted_ * kRowsGrowth, limits::scan_rows + 1);
    for (store::Row& row : page.rows) {
      std::string_view key = std::string_view(row.key).substr(bucket_bytes);
      if (count_ == query_.count_max) {
        result_.truncated = true;
        return false;
      }
      list_row(key, row);
      if (skip_.empty()) continue;
      position_ = skip_ + kBehind;
      skip_.clear();
      // The next key is likely to lie below another common prefix, so few rows are read.
      rows_wanted_ = kRowsAfterPrefix;
      return true;
    }
    if (page.next.empty()) return false;
    position_ = page.rows.back().key.substr(bucket_bytes);
    return true;
  }

  void list_row(std::string_view key, const store::Row& row) {
    std::string common = common_prefix_of(key, query_.prefix, query_.delimiter);
    if (common.empty()) {
      // A GET of a damaged one says what is wrong with it; the others are not to suffer.
      auto object = store::read_or_skip<ObjectRecord>(object_table().name(), row.key, row.value);
      if (!object) return;
      // Up to 10,000 of them an object, and no listing shows them.
      object->parts.reset();
      result_.last = key;
      result_.objects.push_back({std::string(key), *std::move(object)});
    } else {
      result_.last = common;
      result_.common_prefixes.push_back(common);
      skip_ = std::move(common);
    }
    ++count_;
  }

  Core& core_;
  const ListQuery& query_;
  std::string position_;
  std::string skip_;  // the common prefix that was just listed
  std::size_t rows_wanted_ = limits::scan_rows + 1;
  std::int64_t count_ = 0;
  ListResult result_;
};

}  // namespace

std::string common_prefix_of(std::string_view key, std::string_view prefix,
                             std::string_view delimiter) {
  if (delimiter.empty() || !key.starts_with(prefix)) return "";
  std::size_t found = key.find(delimiter, prefix.size());
  if (found == std::string_view::npos) return "";
  return std::string(key.substr(0, found + delimiter.size()));
}

Result<ListResult> list_keys(Core& core, const ListQuery& query) {
  return Lister(core, query).run();
}

Result<std::int64_t> page_size(const std::optional<std::int64_t>& wanted, std::string_view name) {
  std::int64_t size = wanted.value_or(limits::list_keys_max);
  if (size < 0 || size > INT32_MAX)
    return fail(invalid_argument(
        "Argument " + std::string(name) + " must be an integer between 0 and 2147483647", name,
        std::to_string(size)));
  return std::min(size, limits::list_keys_max);
}

Result<KeyEncoding> KeyEncoding::make(const std::optional<std::string>& type) {
  KeyEncoding encoding;
  if (type && *type != "url")
    return fail(
        invalid_argument("Invalid Encoding Method specified in Request", "encoding-type", *type));
  encoding.url_ = type.has_value();
  return encoding;
}

std::string KeyEncoding::operator()(const std::string& key) const {
  return url_ ? percent_encode(key, true) : key;
}

namespace {

// Keys are UTF-8; of that, XML 1.0 lacks most control characters, U+FFFE and U+FFFF.
bool xml_can_hold(std::string_view key) {
  for (std::size_t i = 0; i < key.size(); ++i) {
    const char c = key[i];
    if (static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n' && c != '\r') return false;
    const std::string_view three = key.substr(i, 3);
    if (three == "\xEF\xBF\xBE" || three == "\xEF\xBF\xBF") return false;
  }
  return true;
}

}  // namespace

void KeyEncoding::cover(const ListResult& listed) {
  for (const ListEntry& entry : listed.objects) cover(entry.key);
  for (const std::string& prefix : listed.common_prefixes) cover(prefix);
}

void KeyEncoding::cover(const std::string& key) { url_ = url_ || !xml_can_hold(key); }

std::optional<std::string> KeyEncoding::type() const {
  return url_ ? std::optional<std::string>("url") : std::nullopt;
}

}  // namespace tidemill::services::s3
