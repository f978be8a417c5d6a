// The events that SageMaker sends to EventBridge when a resource's state changes.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "engine/published_event.h"

namespace tidemill::services::sagemaker {

// The resource whose state changed.
struct StateChange {
  const char* detail_type;  // "SageMaker Training Job State Change"
  std::string account, region, arn;
  Timestamp now;
};
engine::PublishedEvent state_change_event(const StateChange& change, ValueObject detail);

// Adds the members of a Create request that `names` lists, and the tags as an object. Leaves all of
// them out if the event would become larger than readers accept.
void add_request(ValueObject& detail, const Value& request,
                 std::initializer_list<std::string_view> names);

std::int64_t milliseconds_of(Timestamp time);
// "InService" -> "IN_SERVICE", the form in events about endpoints.
std::string upper_snake(std::string_view status);

}  // namespace tidemill::services::sagemaker
