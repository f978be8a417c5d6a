#include "infer/xgboost/newer_models.h"

#include <cstdint>

namespace tidemill::infer::xgboost {
namespace {

constexpr std::string_view kKey = "base_score";
constexpr std::size_t kListBytesMax = 1024;

// The number inside "[6.3E-1]".
Result<std::string> only_number(std::string_view list) {
  std::string_view inside = list.substr(1, list.size() - 2);
  if (inside.find(',') != std::string_view::npos)
    return fail(codes::kInvalid, "the model has one base score a target (" + std::string(list) +
                                     "); XGBoost 1.7 reads models with a single base score only");
  return std::string(inside);
}

std::string big_endian(std::uint64_t value) {
  std::string out(8, '\0');
  for (int i = 7; i >= 0; --i, value >>= 8) out[static_cast<std::size_t>(i)] = char(value & 0xff);
  return out;
}

std::uint64_t read_big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
  return value;
}

// JSON: `"base_score":"[6.3E-1]"`, with or without a blank after the colon.
Result<void> rewrite_json(std::string& model, std::size_t after_key) {
  std::size_t at = model.find_first_not_of("\": ", after_key);
  if (at == std::string::npos || model[at] != '[') return {};
  std::size_t end = model.find(']', at);
  if (end == std::string::npos || end - at > kListBytesMax) return {};
  std::string number = TRY(only_number(std::string_view(model).substr(at, end + 1 - at)));
  model.replace(at, end + 1 - at, number);
  return {};
}

// UBJSON: "base_score" 'S' 'L' <length, eight bytes, big-endian> "[6.3E-1]". Containers of UBJSON
// have no byte lengths, so a value may change its size.
Result<void> rewrite_ubjson(std::string& model, std::size_t after_key) {
  constexpr std::size_t kPrefix = 10;
  std::string_view prefix = std::string_view(model).substr(after_key, kPrefix);
  if (prefix.size() < kPrefix || !prefix.starts_with("SL")) return {};
  const std::uint64_t length = read_big_endian(prefix.substr(2));
  if (length < 2 || length > kListBytesMax || after_key + kPrefix + length > model.size())
    return {};
  std::string_view list = std::string_view(model).substr(after_key + kPrefix, length);
  if (list.front() != '[' || list.back() != ']') return {};
  std::string number = TRY(only_number(list));
  model.replace(after_key, kPrefix + length, "SL" + big_endian(number.size()) + number);
  return {};
}

}  // namespace

Result<void> rewrite_base_score(std::string& model) {
  if (!model.starts_with('{')) return {};  // the binary format, which 3.1 no longer writes
  for (std::size_t at = model.find(kKey); at != std::string::npos; at = model.find(kKey, at)) {
    at += kKey.size();
    if (at < model.size() && model[at] == '"')
      TRY(rewrite_json(model, at));
    else
      TRY(rewrite_ubjson(model, at));
  }
  return {};
}

}  // namespace tidemill::infer::xgboost
