#include "services/cloudtrail/delivery/file_names.h"

#include <zlib.h>

#include "base/clock.h"

namespace tidemill::services::cloudtrail {
namespace {

constexpr int kGzipWindowBits = 15 + 16;
constexpr int kMemoryLevel = 8;

// "2026/11/30"
std::string day_folder(Timestamp time) {
  const std::string text = format_iso8601(time);
  return text.substr(0, 4) + "/" + text.substr(5, 2) + "/" + text.substr(8, 2);
}

std::string folder(const TrailRecord& trail, const std::string& kind, const std::string& region,
                   Timestamp time) {
  const std::string prefix = trail.key_prefix.empty() ? "" : trail.key_prefix + "/";
  return prefix + "AWSLogs/" + trail.account + "/" + kind + "/" + region + "/" + day_folder(time) +
         "/" + trail.account + "_" + kind + "_" + region + "_";
}

}  // namespace

std::string compact_time(Timestamp time, bool seconds) {
  const std::string text = format_iso8601(time);  // 2026-11-30T04:12:07Z
  return text.substr(0, 4) + text.substr(5, 2) + text.substr(8, 3) + text.substr(11, 2) +
         text.substr(14, 2) + (seconds ? text.substr(17, 2) : "") + "Z";
}

std::string log_file_key(const TrailRecord& trail, const std::string& region, Timestamp time,
                         const std::string& token) {
  return folder(trail, "CloudTrail", region, time) + compact_time(time, false) + "_" + token +
         ".json.gz";
}

std::string digest_file_key(const TrailRecord& trail, const std::string& region, Timestamp end) {
  return folder(trail, "CloudTrail-Digest", region, end) + trail.name + "_" + trail.region + "_" +
         compact_time(end, true) + ".json.gz";
}

Result<std::string> gzip(std::string_view text) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindowBits, kMemoryLevel,
                   Z_DEFAULT_STRATEGY) != Z_OK)
    return fail(codes::kIo, "zlib cannot begin a gzip file");
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = uInt(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = uInt(out.size());
  const int result = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  if (result != Z_STREAM_END) return fail(codes::kIo, "zlib cannot write a gzip file");
  return out;
}

}  // namespace tidemill::services::cloudtrail
