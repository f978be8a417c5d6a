#include "services/sagemaker/common/state_change.h"

#include <cctype>

#include "base/json.h"

namespace tidemill::services::sagemaker {

namespace {

// Hyperparameters alone can have 250 KB; the rest of an event has a few.
constexpr std::size_t kRequestBytesMax = engine::kEventBytesMax / 2;

Value tags_of(const Value& request) {
  ValueObject tags;
  const Value* list = request.find("Tags");
  if (!list || !list->as_list()) return tags;
  for (const Value& tag : *list->as_list()) {
    const Value* key = tag.find("Key");
    const Value* value = tag.find("Value");
    if (key && value && key->as_string()) tags.set(*key->as_string(), *value);
  }
  return tags;
}

}  // namespace

engine::PublishedEvent state_change_event(const StateChange& change, ValueObject detail) {
  return {.source = "aws.sagemaker",
          .detail_type = change.detail_type,
          .subject = change.arn,
          .account = change.account,
          .region = change.region,
          .time = change.now,
          .detail = std::move(detail)};
}

void add_request(ValueObject& detail, const Value& request,
                 std::initializer_list<std::string_view> names) {
  ValueObject told;
  for (const std::string_view name : names)
    if (const Value* value = request.find(name)) told.append(std::string(name), *value);
  told.append("Tags", tags_of(request));
  if (write_json(told).size() > kRequestBytesMax) return;
  for (const auto& [name, value] : told) detail.append(name, value);
}

std::int64_t milliseconds_of(Timestamp time) {
  constexpr std::int64_t kMicrosecondsPerMillisecond = 1000;
  return time.microseconds / kMicrosecondsPerMillisecond;
}

std::string upper_snake(std::string_view status) {
  std::string out;
  for (const char c : status) {
    const bool upper = std::isupper(static_cast<unsigned char>(c)) != 0;
    if (upper && !out.empty()) out += '_';
    out += char(std::toupper(static_cast<unsigned char>(c)));
  }
  return out;
}

}  // namespace tidemill::services::sagemaker
