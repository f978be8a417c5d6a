#include "cli/storage_report.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <map>
#include <string_view>
#include <vector>

#include "base/encoding.h"
#include "base/json.h"

namespace tidemill::cli {
namespace {

// The SHA-256 of an empty body.
constexpr std::string_view kHashOfNothing =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

// The objects of one bucket in one storage class.
struct Amount {
  std::uint64_t objects = 0;
  std::uint64_t bytes = 0;
  std::uint64_t old_versions = 0;
  std::uint64_t old_bytes = 0;
};
using ByClass = std::map<std::string, Amount>;

// The text of the first element of this name; S3 escapes it as XML.
std::string text_of(std::string_view xml, std::string_view element) {
  const std::string open = "<" + std::string(element) + ">";
  const std::size_t begin = xml.find(open);
  if (begin == xml.npos) return {};
  const std::size_t from = begin + open.size();
  return std::string(xml.substr(from, xml.find('<', from) - from));
}

// The content of each <element> in the text.
std::vector<std::string_view> parts_of(std::string_view xml, const std::string& element) {
  const std::string open = "<" + element + ">", close = "</" + element + ">";
  std::vector<std::string_view> out;
  for (std::size_t at = xml.find(open); at != xml.npos; at = xml.find(open, at)) {
    at += open.size();
    const std::size_t end = xml.find(close, at);
    if (end == xml.npos) break;
    out.push_back(xml.substr(at, end - at));
    at = end;
  }
  return out;
}

std::uint64_t number_of(std::string_view text) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

Result<std::string> get(const ApiTarget& target, const std::string& path) {
  ApiCall call;
  call.service = "s3";
  call.method = "GET";
  call.target = path;
  call.headers = {{"x-amz-content-sha256", std::string(kHashOfNothing)}};
  ApiAnswer answer = TRY(call_api(target, call));
  if (answer.status == 200) return std::move(answer.body);
  return fail(text_of(answer.body, "Code"), text_of(answer.body, "Message"));
}

Result<ByClass> amounts_of(const ApiTarget& target, const std::string& bucket) {
  ByClass classes;
  std::string key_marker, version_marker;
  while (true) {
    // In the order of their names, as the signature wants them. Encoded keys are decoded and
    // encoded again only here, where they are parameters.
    std::string query = "encoding-type=url";
    if (!key_marker.empty()) query += "&key-marker=" + key_marker;
    if (!version_marker.empty()) query += "&version-id-marker=" + percent_encode(version_marker);
    query += "&versions=";
    const std::string page = TRY(get(target, "/" + bucket + "?" + query));
    for (std::string_view version : parts_of(page, "Version")) {
      Amount& amount = classes[text_of(version, "StorageClass")];
      const std::uint64_t size = number_of(text_of(version, "Size"));
      const bool latest = text_of(version, "IsLatest") == "true";
      ++(latest ? amount.objects : amount.old_versions);
      (latest ? amount.bytes : amount.old_bytes) += size;
    }
    if (text_of(page, "IsTruncated") != "true") return classes;
    key_marker = percent_encode(TRY(percent_decode(text_of(page, "NextKeyMarker"), true)));
    version_marker = text_of(page, "NextVersionIdMarker");
  }
}

Value to_json(const std::string& bucket, const std::string& storage_class, const Amount& amount) {
  ValueObject row;
  row.append("Bucket", bucket);
  row.append("StorageClass", storage_class);
  row.append("Objects", std::int64_t(amount.objects));
  row.append("Bytes", std::int64_t(amount.bytes));
  row.append("OldVersions", std::int64_t(amount.old_versions));
  row.append("OldVersionsBytes", std::int64_t(amount.old_bytes));
  return row;
}

std::string line_of(const std::string& bucket, const std::string& storage_class,
                    const Amount& amount) {
  char text[256];
  std::snprintf(text, sizeof text, "%-40s %-20s %12llu %18llu %12llu %18llu\n", bucket.c_str(),
                storage_class.c_str(), static_cast<unsigned long long>(amount.objects),
                static_cast<unsigned long long>(amount.bytes),
                static_cast<unsigned long long>(amount.old_versions),
                static_cast<unsigned long long>(amount.old_bytes));
  return text;
}

}  // namespace

Result<std::string> storage_report(const ApiTarget& target, bool as_json) {
  const std::string listed = TRY(get(target, "/"));
  ValueList rows;
  char heading[256];
  std::snprintf(heading, sizeof heading, "%-40s %-20s %12s %18s %12s %18s\n", "bucket",
                "storage class", "objects", "bytes", "old versions", "their bytes");
  std::string text = heading;
  Amount total;
  for (std::string_view entry : parts_of(listed, "Bucket")) {
    const std::string bucket = text_of(entry, "Name");
    for (const auto& [storage_class, amount] : TRY(amounts_of(target, bucket))) {
      rows.push_back(to_json(bucket, storage_class, amount));
      text += line_of(bucket, storage_class, amount);
      total.objects += amount.objects;
      total.bytes += amount.bytes;
      total.old_versions += amount.old_versions;
      total.old_bytes += amount.old_bytes;
    }
  }
  if (as_json) return write_json_pretty(Value(std::move(rows)));
  return text + line_of("all", "", total);
}

}  // namespace tidemill::cli
