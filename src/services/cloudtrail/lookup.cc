// LookupEvents and ListPublicKeys: what is read of the audit log.
#include <algorithm>

#include "base/encoding.h"
#include "base/json.h"
#include "services/cloudtrail/cloudtrail_service.h"
#include "services/cloudtrail/event/event_text.h"
#include "services/platform/paging/paging.h"

namespace tidemill::services::cloudtrail {
namespace {

namespace api = tidemill::api::cloudtrail;

constexpr std::int64_t kResultsMax = 50;
// Records that one call looks at: with narrow times in a long history it may answer a short page.
constexpr std::size_t kScannedMax = 5'000;

std::optional<std::string> text_of(const Value& event, std::string_view name) {
  const Value* value = event.find(name);
  return value && value->as_string() ? std::optional(*value->as_string()) : std::nullopt;
}

api::Event api_event(const StoredEvent& stored) {
  api::Event event;
  event.event_time = stored.time;
  event.cloud_trail_event = stored.text;
  const Result<Value> parsed = parse_json(stored.text);
  if (!parsed) return event;
  event.event_id = text_of(*parsed, "eventID");
  event.event_name = text_of(*parsed, "eventName");
  event.event_source = text_of(*parsed, "eventSource");
  if (const Value* read_only = parsed->find("readOnly"))
    if (const bool* flag = read_only->get_if<bool>()) event.read_only = *flag ? "true" : "false";
  if (const Value* identity = parsed->find("userIdentity")) {
    event.access_key_id = text_of(*identity, "accessKeyId");
    event.username = user_name(text_of(*identity, "arn").value_or(""));
  }
  event.resources.emplace();
  const Value* resources = parsed->find("resources");
  if (resources && resources->as_list())
    for (const Value& resource : *resources->as_list()) {
      api::Resource shown;
      shown.resource_type = text_of(resource, "type");
      shown.resource_name = resource_name(text_of(resource, "ARN").value_or(""));
      event.resources->push_back(std::move(shown));
    }
  return event;
}

Result<Attribute> attribute_of(const api::LookupEventsRequest& request) {
  if (!request.lookup_attributes || request.lookup_attributes->empty()) return Attribute{"All", ""};
  if (request.lookup_attributes->size() > 1)
    return fail("InvalidLookupAttributesException", "You can specify only one lookup attribute.",
                400);
  const api::LookupAttribute& attribute = request.lookup_attributes->front();
  return Attribute{attribute.attribute_key, attribute.attribute_value};
}

}  // namespace

Result<api::LookupEventsResponse> CloudTrailService::lookup_events(
    Context& context, const api::LookupEventsRequest& request) {
  if (request.event_category)
    return fail("UnsupportedOperationException",
                "Tidemill does not record Insights events: leave out EventCategory.", 400);
  const std::int64_t limit = request.max_results.value_or(kResultsMax);
  if (limit < 1 || limit > kResultsMax)
    return fail("InvalidMaxResultsException",
                "MaxResults must be between 1 and " + std::to_string(kResultsMax) + ".", 400);
  if (request.start_time && request.end_time && *request.start_time > *request.end_time)
    return fail("InvalidTimeRangeException", "StartTime must not be after EndTime.", 400);
  const Attribute attribute = TRY(attribute_of(request));

  store::Scan scan;
  scan.index = "by_attribute";
  scan.prefix = attribute_prefix(context.account(), context.region, attribute);
  scan.reverse = true;  // the newest first
  std::string position = TRY(platform::page_position(
      request.next_token,
      fail("InvalidNextTokenException", "The NextToken is not one that LookupEvents gave.", 400)));
  api::LookupEventsResponse out;
  out.events.emplace();
  const std::string next = TRY(platform::fill_page(
      dependencies_.store, events_table(), std::move(scan), std::move(position),
      {.items_max = std::size_t(limit), .scanned_max = kScannedMax}, [&](const StoredEvent& event) {
        if (request.end_time && event.time > *request.end_time) return false;
        if (request.start_time && event.time < *request.start_time) return false;
        // LookupEvents shows management events only.
        if (event.text.contains(R"("managementEvent":false)")) return false;
        out.events->push_back(api_event(event));
        return true;
      }));
  if (!next.empty()) out.next_token = platform::page_token(next);
  return out;
}

Result<api::ListPublicKeysResponse> CloudTrailService::list_public_keys(
    Context&, const api::ListPublicKeysRequest& request) {
  if (request.next_token)
    return fail("InvalidTokenException", "There are no further pages of public keys.", 400);
  const Timestamp end = request.end_time.value_or(dependencies_.clock.now());
  const Timestamp start = request.start_time.value_or(end);
  if (start > end)
    return fail("InvalidTimeRangeException", "StartTime must not be after EndTime.", 400);
  api::ListPublicKeysResponse out;
  out.public_key_list.emplace();
  store::Scan scan;
  do {
    const store::RecordPage<SigningKeyRecord> page =
        TRY(keys_table().scan(dependencies_.store, scan));
    for (const store::Versioned<SigningKeyRecord>& row : page.records) {
      if (row.record.valid_until < start || row.record.valid_from > end) continue;
      api::PublicKey key;
      key.value = Blob{TRY(decode_base64(row.record.public_key_der))};
      key.fingerprint = row.record.fingerprint;
      key.validity_start_time = row.record.valid_from;
      key.validity_end_time = row.record.valid_until;
      out.public_key_list->push_back(std::move(key));
    }
    scan.after = page.next;
  } while (!scan.after.empty());
  return out;
}

}  // namespace tidemill::services::cloudtrail
