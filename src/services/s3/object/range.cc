#include "services/s3/object/range.h"

#include <algorithm>
#include <charconv>
#include <string>

#include "services/s3/common/errors.h"

namespace tidemill::services::s3 {

namespace {

constexpr std::string_view kUnit = "bytes=";

struct Bounds {
  std::optional<std::uint64_t> first;
  std::optional<std::uint64_t> last;
};

bool parse_number(std::string_view text, std::optional<std::uint64_t>& out) {
  if (text.empty()) return true;
  std::uint64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return false;
  out = number;
  return true;
}

std::optional<Bounds> parse_bounds(std::string_view header) {
  if (!header.starts_with(kUnit)) return std::nullopt;
  header.remove_prefix(kUnit.size());
  std::size_t dash = header.find('-');
  Bounds bounds;
  if (dash == std::string_view::npos || !parse_number(header.substr(0, dash), bounds.first) ||
      !parse_number(header.substr(dash + 1), bounds.last) || (!bounds.first && !bounds.last) ||
      (bounds.first && bounds.last && *bounds.last < *bounds.first))
    return std::nullopt;
  return bounds;
}

}  // namespace

Result<std::optional<ByteRange>> parse_range(std::string_view header, std::uint64_t size) {
  std::optional<Bounds> bounds = parse_bounds(header);
  if (!bounds) return std::optional<ByteRange>();
  auto invalid = [&] {
    return fail(Error{
        "InvalidRange",
        "The requested range is not satisfiable",
        416,
        {{"ActualObjectSize", std::to_string(size)}, {"RangeRequested", std::string(header)}}});
  };
  if (!bounds->first) {
    std::uint64_t length = std::min(*bounds->last, size);
    if (length == 0) return invalid();
    return std::optional(ByteRange{size - length, length});
  }
  if (*bounds->first >= size) return invalid();
  std::uint64_t last = std::min(bounds->last.value_or(size - 1), size - 1);
  return std::optional(ByteRange{*bounds->first, last - *bounds->first + 1});
}

Result<ByteRange> parse_copy_range(std::string_view header, std::uint64_t size) {
  std::optional<Bounds> bounds = parse_bounds(header);
  if (!bounds || !bounds->first || !bounds->last)
    return fail(
        invalid_argument("The x-amz-copy-source-range value must be of the form bytes=first-last "
                         "where first and last "
                         "are the zero-based offsets of the first and last bytes to copy",
                         "x-amz-copy-source-range", header));
  if (*bounds->last >= size)
    return fail(invalid_argument(
        "Range specified is not valid for source object of size: " + std::to_string(size),
        "x-amz-copy-source-range", header));
  return ByteRange{*bounds->first, *bounds->last - *bounds->first + 1};
}

std::string content_range(const ByteRange& range, std::uint64_t size) {
  return "bytes " + std::to_string(range.offset) + "-" +
         std::to_string(range.offset + range.length - 1) + "/" + std::to_string(size);
}

}  // namespace tidemill::services::s3
