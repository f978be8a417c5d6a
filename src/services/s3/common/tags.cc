#include "services/s3/common/tags.h"

#include <algorithm>
#include <set>

#include "base/encoding.h"
#include "base/utf8.h"
#include "services/s3/common/errors.h"

namespace tidemill::services::s3 {

namespace {

// Code points of UTF-8 text.
std::size_t characters(std::string_view text) {
  std::size_t count = 0;
  for (char c : text)
    if ((static_cast<unsigned char>(c) & 0xc0) != 0x80) ++count;
  return count;
}

// "Letters, spaces, and numbers representable in UTF-8, and + - = . _ : / @".
bool has_only_tag_characters(std::string_view text) {
  static constexpr std::string_view kMarks = " +-=._:/@";
  return std::ranges::all_of(text, [](char c) {
    return static_cast<unsigned char>(c) >= 0x80 || (c >= '0' && c <= '9') ||
           (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || kMarks.contains(c);
  });
}

std::unexpected<Error> invalid_tag(std::string message, std::string_view key) {
  return fail(Error{"InvalidTag", std::move(message), 400, {{"TagKey", std::string(key)}}});
}

}  // namespace

Result<std::vector<TagRecord>> check_tags(const std::vector<tidemill::api::s3::Tag>& tags,
                                          std::size_t count_max) {
  if (tags.size() > count_max)
    return fail("BadRequest",
                count_max == limits::object_tags_max ? "Object tags cannot be greater than 10"
                                                     : "Bucket tag count cannot be greater than 50",
                400);
  std::vector<TagRecord> records;
  std::set<std::string_view> keys;
  for (const tidemill::api::s3::Tag& tag : tags) {
    if (tag.key.empty() || !is_valid_utf8(tag.key) || !has_only_tag_characters(tag.key) ||
        characters(tag.key) > limits::tag_key_characters_max)
      return invalid_tag("The TagKey you have provided is invalid", tag.key);
    if (!is_valid_utf8(tag.value) || !has_only_tag_characters(tag.value) ||
        characters(tag.value) > limits::tag_value_characters_max)
      return invalid_tag("The TagValue you have provided is invalid", tag.key);
    if (tag.key.starts_with("aws:"))
      return invalid_tag("System tags cannot be added/updated by requester", tag.key);
    if (!keys.insert(tag.key).second)
      return invalid_tag("Cannot provide multiple Tags with the same key", tag.key);
    records.push_back({tag.key, tag.value});
  }
  return records;
}

Result<std::vector<TagRecord>> parse_tagging_header(std::string_view text) {
  std::vector<tidemill::api::s3::Tag> tags;
  auto bad = [&] {
    return fail(
        invalid_argument("The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded "
                         "URL query parameters without tag name duplicates.",
                         "x-amz-tagging", text));
  };
  std::string_view rest = text;
  while (!rest.empty()) {
    std::size_t end = rest.find('&');
    std::string_view pair = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    if (pair.empty()) continue;
    std::size_t equals = pair.find('=');
    Result<std::string> key = percent_decode(pair.substr(0, equals), true);
    Result<std::string> value = percent_decode(
        equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1), true);
    if (!key || !value) return bad();
    tags.push_back({std::move(*key), std::move(*value)});
  }
  return check_tags(tags, limits::object_tags_max);
}

std::vector<tidemill::api::s3::Tag> to_tags(const std::optional<std::vector<TagRecord>>& tags) {
  std::vector<tidemill::api::s3::Tag> out;
  if (tags)
    for (const TagRecord& tag : *tags) out.push_back({tag.key, tag.value});
  return out;
}

}  // namespace tidemill::services::s3
