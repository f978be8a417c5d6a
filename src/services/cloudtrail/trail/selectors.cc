// Which events a trail's selectors take.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_PutEventSelectors.html
#include <algorithm>
#include <array>

#include "services/cloudtrail/trail/trail.h"

namespace tidemill::services::cloudtrail {
namespace {

namespace api = tidemill::api::cloudtrail;
using Texts = std::optional<std::vector<std::string>>;

constexpr std::size_t kSelectorsMax = 5;
constexpr std::size_t kConditionsMax = 500;
constexpr std::array<std::string_view, 8> kFields{
    "eventCategory", "eventName",     "eventSource",    "eventType",
    "readOnly",      "resources.ARN", "resources.type", "userIdentity.arn",
};

std::unexpected<Error> invalid(std::string message) {
  return fail("InvalidEventSelectorsException", std::move(message), 400);
}

bool matches_read_write(const std::optional<std::string>& wanted, bool read_only) {
  if (!wanted || *wanted == api::read_write_type::kAll) return true;
  return (*wanted == api::read_write_type::kReadOnly) == read_only;
}

bool takes(const api::EventSelector& selector, const EventSubject& event) {
  if (!matches_read_write(selector.read_write_type, event.read_only)) return false;
  if (event.management) {
    const auto& excluded = selector.exclude_management_event_sources;
    return selector.include_management_events.value_or(true) &&
           !(excluded && std::ranges::find(*excluded, event.source) != excluded->end());
  }
  if (!selector.data_resources) return false;
  return std::ranges::any_of(*selector.data_resources, [&](const api::DataResource& resource) {
    if (resource.type.value_or("") != event.data_type || !resource.values) return false;
    return std::ranges::any_of(*resource.values, [&](const std::string& value) {
      return std::ranges::any_of(event.arns,
                                 [&](const std::string& arn) { return arn.starts_with(value); });
    });
  });
}

// The values of a field; several for resources.
std::vector<std::string> values_of(std::string_view field, const EventSubject& event) {
  if (field == "eventCategory") return {event.management ? "Management" : "Data"};
  if (field == "eventName") return {std::string(event.name)};
  if (field == "eventSource") return {std::string(event.source)};
  if (field == "eventType") return {"AwsApiCall"};
  if (field == "readOnly") return {event.read_only ? "true" : "false"};
  if (field == "resources.type") return {std::string(event.data_type)};
  if (field == "userIdentity.arn") return {std::string(event.user_arn)};
  if (field == "resources.ARN") return event.arns;
  return {};
}

template <class Test>
bool any(const Texts& conditions, const std::vector<std::string>& values, Test test) {
  return std::ranges::any_of(*conditions, [&](const std::string& condition) {
    return std::ranges::any_of(values,
                               [&](const std::string& value) { return test(value, condition); });
  });
}

bool holds(const api::AdvancedFieldSelector& selector, const EventSubject& event) {
  const std::vector<std::string> values = values_of(selector.field, event);
  const auto equal = [](const std::string& a, const std::string& b) { return a == b; };
  const auto begins = [](const std::string& a, const std::string& b) { return a.starts_with(b); };
  const auto ends = [](const std::string& a, const std::string& b) { return a.ends_with(b); };
  if (selector.not_equals && any(selector.not_equals, values, equal)) return false;
  if (selector.not_starts_with && any(selector.not_starts_with, values, begins)) return false;
  if (selector.not_ends_with && any(selector.not_ends_with, values, ends)) return false;
  if (!selector.equals && !selector.starts_with && !selector.ends_with) return true;
  return (selector.equals && any(selector.equals, values, equal)) ||
         (selector.starts_with && any(selector.starts_with, values, begins)) ||
         (selector.ends_with && any(selector.ends_with, values, ends));
}

bool takes(const api::AdvancedEventSelector& selector, const EventSubject& event) {
  return std::ranges::all_of(
      selector.field_selectors,
      [&](const api::AdvancedFieldSelector& field) { return holds(field, event); });
}

Result<void> check(const api::EventSelector& selector) {
  if (!selector.data_resources) return {};
  for (const api::DataResource& resource : *selector.data_resources) {
    const std::string type = resource.type.value_or("");
    if (type != "AWS::S3::Object" && type != "AWS::Lambda::Function" &&
        type != "AWS::DynamoDB::Table")
      return invalid("The data resource type " + type +
                     " is not one of AWS::S3::Object, AWS::Lambda::Function, "
                     "AWS::DynamoDB::Table; use AdvancedEventSelectors for other types.");
    if (!resource.values || resource.values->empty())
      return invalid("A data resource needs at least one value.");
    for (const std::string& value : *resource.values)
      if (!value.starts_with("arn:aws:"))
        return invalid("The data resource value " + value + " is not a valid ARN.");
  }
  return {};
}

std::size_t count_of(const Texts& texts) { return texts ? texts->size() : 0; }

Result<void> check(const api::AdvancedEventSelector& selector) {
  bool category = false, data = false, type = false;
  for (const api::AdvancedFieldSelector& field : selector.field_selectors) {
    if (std::ranges::find(kFields, field.field) == kFields.end())
      return invalid("The field " + field.field + " of an advanced event selector is not known.");
    if (count_of(field.equals) + count_of(field.starts_with) + count_of(field.ends_with) +
            count_of(field.not_equals) + count_of(field.not_starts_with) +
            count_of(field.not_ends_with) ==
        0)
      return invalid("The field selector of " + field.field + " has no condition.");
    if (field.field == "eventCategory") {
      if (count_of(field.equals) != 1)
        return invalid("eventCategory needs Equals with exactly one value.");
      const std::string& value = field.equals->front();
      if (value != "Management" && value != "Data")
        return invalid("The event category " + value +
                       " is not supported by Tidemill; use Management or Data.");
      category = true;
      data = value == "Data";
    }
    type = type || field.field == "resources.type";
  }
  if (!category) return invalid("An advanced event selector needs the field eventCategory.");
  if (data && !type)
    return invalid("An advanced event selector of data events needs the field resources.type.");
  return {};
}

std::size_t conditions_of(const api::AdvancedEventSelector& selector) {
  std::size_t count = 0;
  for (const api::AdvancedFieldSelector& field : selector.field_selectors)
    count += count_of(field.equals) + count_of(field.starts_with) + count_of(field.ends_with) +
             count_of(field.not_equals) + count_of(field.not_starts_with) +
             count_of(field.not_ends_with);
  return count;
}

}  // namespace

bool selects(const TrailRecord& trail, const EventSubject& event) {
  const auto taken = [&](const auto& selector) { return takes(selector, event); };
  if (!trail.advanced_selectors.empty())
    return std::ranges::any_of(trail.advanced_selectors, taken);
  if (!trail.selectors.empty()) return std::ranges::any_of(trail.selectors, taken);
  return event.management;
}

bool may_select(const TrailRecord& trail, bool management, bool read_only) {
  if (trail.advanced_selectors.empty() && trail.selectors.empty()) return management;
  const std::vector<std::string> none;
  for (const api::EventSelector& selector : trail.selectors) {
    if (!matches_read_write(selector.read_write_type, read_only)) continue;
    if (management ? selector.include_management_events.value_or(true)
                   : selector.data_resources && !selector.data_resources->empty())
      return true;
  }
  const EventSubject event{management, read_only, {}, {}, {}, none, {}};
  for (const api::AdvancedEventSelector& selector : trail.advanced_selectors)
    if (std::ranges::all_of(selector.field_selectors, [&](const auto& field) {
          return (field.field != "eventCategory" && field.field != "readOnly") ||
                 holds(field, event);
        }))
      return true;
  return false;
}

Result<void> check_selectors(const api::PutEventSelectorsRequest& request) {
  const bool basic = request.event_selectors && !request.event_selectors->empty();
  const bool advanced =
      request.advanced_event_selectors && !request.advanced_event_selectors->empty();
  if (basic == advanced)
    return invalid(
        "Give either EventSelectors or AdvancedEventSelectors, with one entry at least.");
  if (basic) {
    if (request.event_selectors->size() > kSelectorsMax)
      return invalid("A trail has at most " + std::to_string(kSelectorsMax) + " event selectors.");
    for (const api::EventSelector& selector : *request.event_selectors) TRY(check(selector));
    return {};
  }
  std::size_t conditions = 0;
  for (const api::AdvancedEventSelector& selector : *request.advanced_event_selectors) {
    TRY(check(selector));
    conditions += conditions_of(selector);
  }
  if (conditions > kConditionsMax)
    return invalid("The advanced event selectors of a trail have at most " +
                   std::to_string(kConditionsMax) + " conditions.");
  return {};
}

}  // namespace tidemill::services::cloudtrail
