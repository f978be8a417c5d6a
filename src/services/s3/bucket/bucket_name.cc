#include "services/s3/bucket/bucket_name.h"

#include <algorithm>
#include <initializer_list>

namespace tidemill::services::s3 {

namespace {

constexpr std::size_t kNameLengthMin = 3;
constexpr std::size_t kNameLengthMax = 63;

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool looks_like_ip_address(std::string_view name) {
  return std::ranges::count(name, '.') == 3 &&
         std::ranges::all_of(name, [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
}

}  // namespace

bool is_valid_bucket_name(std::string_view name) {
  if (name.size() < kNameLengthMin || name.size() > kNameLengthMax) return false;
  if (!std::ranges::all_of(name,
                           [](char c) { return is_letter_or_digit(c) || c == '.' || c == '-'; }))
    return false;
  if (!is_letter_or_digit(name.front()) || !is_letter_or_digit(name.back())) return false;
  if (name.find("..") != std::string_view::npos || looks_like_ip_address(name)) return false;
  for (std::string_view prefix : {"xn--", "sthree-", "amzn-s3-demo-"})
    if (name.starts_with(prefix)) return false;
  for (std::string_view suffix : {"-s3alias", "--ols-s3", ".mrap", "--x-s3", "--table-s3"})
    if (name.ends_with(suffix)) return false;
  return true;
}

}  // namespace tidemill::services::s3
