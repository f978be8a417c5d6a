#include "services/sagemaker_runtime/capture/line.h"

#include <algorithm>
#include <cctype>
#include <ctime>

#include "base/clock.h"
#include "base/encoding.h"
#include "base/json.h"
#include "base/utf8.h"
#include "infer/codec/media_type.h"

namespace tidemill::services::sagemaker_runtime {
namespace {

constexpr std::string_view kEnding = ".jsonl";
constexpr std::size_t kTimeLength = std::string_view("2026-11-26-23-41-07-123").size();
constexpr std::size_t kUuidLength = 36;

bool listed(const std::vector<std::string>& types, const std::string& type) {
  return std::ranges::any_of(types, [&](const std::string& each) {
    return std::ranges::equal(each, type, [](unsigned char a, unsigned char b) {
      return std::tolower(a) == std::tolower(b);
    });
  });
}

void append_side(const CaptureSettings& settings, std::string_view member, std::string_view mode,
                 const std::string& content_type, const std::string& body, std::string& out) {
  const std::string type = infer::media_type(content_type);
  std::string_view encoding = "BASE64";
  // JSON must be UTF-8: other bytes are base64, and marked so, whatever their type claims.
  if (is_valid_utf8(body)) {
    if (listed(settings.csv_content_types, type)) encoding = "CSV";
    if (listed(settings.json_content_types, type)) encoding = "JSON";
  }
  out.append("\"").append(member).append("\":{\"observedContentType\":");
  write_json_string(is_valid_utf8(content_type) ? content_type : "", out);
  out.append(",\"mode\":\"").append(mode).append("\",\"data\":");
  if (encoding == "BASE64")
    out.append("\"").append(encode_base64(body)).append("\"");
  else
    write_json_string(body, out);
  out.append(",\"encoding\":\"").append(encoding).append("\"}");
}

Timestamp whole_second(Timestamp time) {
  return {time.microseconds - time.microseconds % 1'000'000};
}

// The number written by `digits`; -1 when they are not all digits.
int number(std::string_view digits) {
  int value = 0;
  for (char c : digits) {
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  return value;
}

}  // namespace

void append_capture_line(const CaptureSettings& settings, const CapturedExchange& exchange,
                         std::string_view event_id, std::string& out) {
  out += "{\"captureData\":{";
  if (settings.input)
    append_side(settings, "endpointInput", "INPUT", exchange.request_content_type,
                exchange.request_body, out);
  if (settings.input && settings.output) out += ',';
  if (settings.output)
    append_side(settings, "endpointOutput", "OUTPUT", exchange.response_content_type,
                exchange.response_body, out);
  out.append("},\"eventMetadata\":{\"eventId\":\"").append(event_id).append("\"");
  // The service's model allows only ASCII headers; invalid UTF-8 would spoil the whole file.
  if (!exchange.custom_attributes.empty() && is_valid_utf8(exchange.custom_attributes)) {
    out += ",\"customAttributes\":[";
    write_json_string(exchange.custom_attributes, out);
    out += ']';
  }
  if (!exchange.inference_id.empty() && is_valid_utf8(exchange.inference_id)) {
    out += ",\"inferenceId\":";
    write_json_string(exchange.inference_id, out);
  }
  out.append(",\"inferenceTime\":\"")
      .append(format_iso8601(whole_second(exchange.time)))
      .append("\"},\"eventVersion\":\"0\"}\n");
}

std::string journal_name(Timestamp first_record, std::string_view uuid) {
  const std::time_t seconds = first_record.microseconds / 1'000'000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char date[32], all[48];
  std::strftime(date, sizeof date, "%Y-%m-%d-%H-%M-%S", &parts);
  std::snprintf(all, sizeof all, "%s-%03d-", date,
                static_cast<int>(first_record.microseconds / 1000 % 1000));
  return std::string(all).append(uuid).append(kEnding);
}

std::optional<JournalName> parse_journal_name(std::string_view name) {
  if (name.size() != kTimeLength + 1 + kUuidLength + kEnding.size() || !name.ends_with(kEnding))
    return std::nullopt;
  std::tm parts{};
  const int year = number(name.substr(0, 4));
  parts.tm_year = year - 1900;
  parts.tm_mon = number(name.substr(5, 2)) - 1;
  parts.tm_mday = number(name.substr(8, 2));
  parts.tm_hour = number(name.substr(11, 2));
  parts.tm_min = number(name.substr(14, 2));
  parts.tm_sec = number(name.substr(17, 2));
  const int milliseconds = number(name.substr(20, 3));
  if (year < 0 || parts.tm_mon < 0 || parts.tm_mday < 1 || parts.tm_hour < 0 || parts.tm_min < 0 ||
      parts.tm_sec < 0 || milliseconds < 0)
    return std::nullopt;
  JournalName out;
  out.first_record.microseconds = std::int64_t(::timegm(&parts)) * 1'000'000 + milliseconds * 1'000;
  // Formatting the time again detects impossible dates and wrong separators.
  if (journal_name(out.first_record, name.substr(kTimeLength + 1, kUuidLength)) != name)
    return std::nullopt;
  out.key_end = std::string(name);
  for (std::size_t separator : {4, 7, 10, 13}) out.key_end[separator] = '/';
  return out;
}

std::string capture_key(const CaptureSettings& settings, const JournalName& name) {
  std::string key = settings.prefix;
  while (key.ends_with('/')) key.pop_back();
  if (!key.empty()) key += '/';
  return key + settings.endpoint + "/" + settings.variant + "/" + name.key_end;
}

}  // namespace tidemill::services::sagemaker_runtime
