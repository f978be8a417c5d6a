// Trails: create, read, change, delete, start and stop, selectors, tags.
#include <algorithm>
#include <cctype>

#include "base/arn.h"
#include "services/cloudtrail/cloudtrail_service.h"

namespace tidemill::services::cloudtrail {
namespace {

namespace api = tidemill::api::cloudtrail;

constexpr std::size_t kNameBytesMin = 3, kNameBytesMax = 128;
constexpr std::size_t kPrefixBytesMax = 200;

std::unexpected<Error> invalid_name(std::string_view name) {
  return fail("InvalidTrailNameException",
              "Trail name " + std::string(name) +
                  " is not valid: it must have 3 to 128 letters, numbers, periods, underscores or "
                  "dashes, begin with a letter or number and end with a letter or number.",
              400);
}

Result<void> check_name(std::string_view name) {
  const auto alphanumeric = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
  if (name.size() < kNameBytesMin || name.size() > kNameBytesMax || !alphanumeric(name.front()) ||
      !alphanumeric(name.back()))
    return invalid_name(name);
  bool punctuation = false;
  for (const char c : name) {
    const bool here = c == '.' || c == '-' || c == '_';
    if ((!alphanumeric(c) && !here) || (here && punctuation)) return invalid_name(name);
    punctuation = here;
  }
  return {};
}

// Unsupported members are refused by name, before anything is made.
template <class Request>
Result<void> check_unsupported(const Request& request) {
  auto unsupported = [](const char* member, const char* hint) {
    return fail("UnsupportedOperationException",
                std::string(member) + " of a trail is not supported by Tidemill" + hint + ".", 400);
  };
  if (request.sns_topic_name) return unsupported("SnsTopicName", "");
  if (request.kms_key_id) return unsupported("KmsKeyId", "");
  if (request.cloud_watch_logs_log_group_arn || request.cloud_watch_logs_role_arn)
    return unsupported("CloudWatchLogsLogGroupArn", "; the trail's files are in its bucket");
  if (request.is_organization_trail.value_or(false))
    return fail("OrganizationsNotInUseException", "Tidemill has no organizations.", 404);
  if (request.recursive_logging.value_or(false)) return unsupported("RecursiveLogging", "");
  return {};
}

std::optional<std::string> prefix_of(const TrailRecord& trail) {
  return trail.key_prefix.empty() ? std::nullopt : std::optional(trail.key_prefix);
}

template <class Shape>
Shape shown(const TrailRecord& trail) {
  Shape out;
  out.name = trail.name;
  out.s3_bucket_name = trail.bucket;
  out.s3_key_prefix = prefix_of(trail);
  out.include_global_service_events = trail.global_events;
  out.is_multi_region_trail = trail.multi_region;
  out.trail_arn = trail.arn();
  out.log_file_validation_enabled = trail.validation;
  out.is_organization_trail = false;
  return out;
}

api::Trail described(const TrailRecord& trail) {
  api::Trail out = shown<api::Trail>(trail);
  out.home_region = trail.region;
  out.has_custom_event_selectors = !trail.selectors.empty() || !trail.advanced_selectors.empty();
  out.has_insight_selectors = false;
  return out;
}

template <class Response>
Response selectors_of(const TrailRecord& trail) {
  Response out;
  out.trail_arn = trail.arn();
  if (!trail.advanced_selectors.empty()) {
    out.advanced_event_selectors = trail.advanced_selectors;
    return out;
  }
  out.event_selectors = trail.selectors;
  if (trail.selectors.empty()) {
    api::EventSelector all;
    all.read_write_type = api::read_write_type::kAll;
    all.include_management_events = true;
    all.data_resources.emplace();
    all.exclude_management_event_sources.emplace();
    out.event_selectors->push_back(std::move(all));
  }
  return out;
}

Result<void> add_tags_to(TrailRecord& trail, const std::vector<api::Tag>& tags) {
  for (const api::Tag& tag : tags) {
    if (tag.key.empty() || tag.key.size() > 128 || tag.value.value_or("").size() > 256 ||
        tag.key.starts_with("aws:"))
      return fail("InvalidTagParameterException", "The tag key " + tag.key + " is not valid.", 400);
    trail.tags[tag.key] = tag.value.value_or("");
  }
  if (trail.tags.size() > kTagsMax)
    return fail("TagsLimitExceededException",
                "A trail has at most " + std::to_string(kTagsMax) + " tags.", 400);
  return {};
}

Result<void> check_regions(const TrailRecord& trail) {
  if (trail.multi_region && !trail.global_events)
    return fail("InvalidParameterCombinationException",
                "A trail of all regions must include the events of global services.", 400);
  return {};
}

}  // namespace

Result<void> CloudTrailService::check_bucket(const Context& context, std::string_view bucket,
                                             std::string_view prefix) const {
  if (prefix.size() > kPrefixBytesMax || prefix.ends_with('/') || prefix.starts_with('/'))
    return fail("InvalidS3PrefixException",
                "The S3 key prefix must have at most " + std::to_string(kPrefixBytesMax) +
                    " characters and must not begin or end with a slash.",
                400);
  if (!dependencies_.has_bucket(context.account(), bucket))
    return fail("S3BucketDoesNotExistException",
                "S3 bucket " + std::string(bucket) + " does not exist!", 404);
  return {};
}

Result<CloudTrailService::Found> CloudTrailService::find_trail(const Context& context,
                                                               std::string_view name_or_arn) {
  std::string region = context.region;
  std::string name(name_or_arn);
  if (name_or_arn.starts_with("arn:")) {
    const std::string beginning = "arn:aws:cloudtrail:";
    const std::string middle = ":" + context.account() + ":trail/";
    const std::size_t at = name.find(middle);
    if (!name.starts_with(beginning) || at == name.npos)
      return fail("CloudTrailARNInvalidException",
                  name + " is not the ARN of a trail of this account.", 400);
    region = name.substr(beginning.size(), at - beginning.size());
    name = name.substr(at + middle.size());
  }
  TRY(check_name(name));
  std::optional<store::Versioned<TrailRecord>> found =
      TRY(trails_table().get(dependencies_.store, trail_key(context.account(), region, name)));
  if (!found)
    return fail(
        "TrailNotFoundException",
        "Unknown trail: " + std::string(name_or_arn) + " for the user: " + context.account(), 400);
  return Found{std::move(found->record), found->version};
}

Result<TrailRecord> CloudTrailService::change(
    const Context& context, std::string_view name_or_arn,
    const std::function<Result<void>(TrailRecord&)>& change) {
  const Found found = TRY(find_trail(context, name_or_arn));
  if (found.record.region != context.region)
    return fail("InvalidHomeRegionException",
                "Trail " + found.record.arn() + " can be changed only in its home region, " +
                    found.record.region + ".",
                400);
  TrailRecord changed =
      TRY(change_trail(found.record.account, found.record.region, found.record.name, change));
  TRY(refresh_trails());
  return changed;
}

Result<api::CreateTrailResponse> CloudTrailService::create_trail(
    Context& context, const api::CreateTrailRequest& request) {
  TRY(check_name(request.name));
  TRY(check_unsupported(request));
  TRY(check_bucket(context, request.s3_bucket_name, request.s3_key_prefix.value_or("")));
  TrailRecord trail;
  trail.account = context.account();
  trail.region = context.region;
  trail.name = request.name;
  trail.bucket = request.s3_bucket_name;
  trail.key_prefix = request.s3_key_prefix.value_or("");
  trail.global_events = request.include_global_service_events.value_or(true);
  trail.multi_region = request.is_multi_region_trail.value_or(false);
  trail.validation = request.enable_log_file_validation.value_or(false);
  trail.created = context.received;
  TRY(check_regions(trail));
  if (request.tags_list) TRY(add_tags_to(trail, *request.tags_list));
  std::size_t others = 0;
  for (const TrailRecord& other : TRY(all_trails()))
    others += other.account == trail.account && other.region == trail.region;
  const std::string key = trail_key(trail.account, trail.region, trail.name);
  if (TRY(trails_table().get(dependencies_.store, key)))
    return fail("TrailAlreadyExistsException",
                "Trail " + trail.name + " already exists for customer: " + trail.account, 400);
  if (others >= kTrailsMax)
    return fail("MaximumNumberOfTrailsExceededException",
                "User: " + trail.account + " already has " + std::to_string(kTrailsMax) +
                    " trails in " + trail.region + ".",
                403);
  store::Transaction transaction;
  trails_table().put(transaction, key, trail, 0);
  Result<void> committed = dependencies_.store.commit(std::move(transaction));
  if (!committed) return std::unexpected(public_error(committed.error()));
  return shown<api::CreateTrailResponse>(trail);
}

Result<api::GetTrailResponse> CloudTrailService::get_trail(Context& context,
                                                           const api::GetTrailRequest& request) {
  api::GetTrailResponse out;
  out.trail = described(TRY(find_trail(context, request.name)).record);
  return out;
}

Result<api::DescribeTrailsResponse> CloudTrailService::describe_trails(
    Context& context, const api::DescribeTrailsRequest& request) {
  api::DescribeTrailsResponse out;
  out.trail_list.emplace();
  if (request.trail_name_list && !request.trail_name_list->empty()) {
    for (const std::string& name : *request.trail_name_list) {
      Result<Found> found = find_trail(context, name);
      if (found)
        out.trail_list->push_back(described(found->record));
      else if (found.error().code != "TrailNotFoundException")
        return std::unexpected(found.error());
    }
    return out;
  }
  const bool shadows = request.include_shadow_trails.value_or(true);
  for (const TrailRecord& trail : TRY(all_trails()))
    if (trail.account == context.account() &&
        (trail.region == context.region || (shadows && trail.multi_region)))
      out.trail_list->push_back(described(trail));
  return out;
}

Result<api::ListTrailsResponse> CloudTrailService::list_trails(
    Context& context, const api::ListTrailsRequest& request) {
  if (request.next_token)
    return fail("InvalidNextTokenException", "There are no further pages of trails.", 400);
  api::ListTrailsResponse out;
  out.trails.emplace();
  for (const TrailRecord& trail : TRY(all_trails()))
    if (trail.account == context.account())
      out.trails->push_back({trail.arn(), trail.name, trail.region});
  return out;
}

Result<api::UpdateTrailResponse> CloudTrailService::update_trail(
    Context& context, const api::UpdateTrailRequest& request) {
  TRY(check_unsupported(request));
  const TrailRecord before = TRY(find_trail(context, request.name)).record;
  if (request.s3_bucket_name || request.s3_key_prefix)
    TRY(check_bucket(context, request.s3_bucket_name.value_or(before.bucket),
                     request.s3_key_prefix.value_or(before.key_prefix)));
  const TrailRecord trail = TRY(change(context, request.name, [&](TrailRecord& record) {
    record.bucket = request.s3_bucket_name.value_or(record.bucket);
    record.key_prefix = request.s3_key_prefix.value_or(record.key_prefix);
    record.global_events = request.include_global_service_events.value_or(record.global_events);
    record.multi_region = request.is_multi_region_trail.value_or(record.multi_region);
    record.validation = request.enable_log_file_validation.value_or(record.validation);
    return check_regions(record);
  }));
  return shown<api::UpdateTrailResponse>(trail);
}

Result<api::DeleteTrailResponse> CloudTrailService::delete_trail(
    Context& context, const api::DeleteTrailRequest& request) {
  const Found found = TRY(find_trail(context, request.name));
  if (found.record.region != context.region)
    return fail("InvalidHomeRegionException",
                "Trail " + found.record.arn() + " can be deleted only in its home region, " +
                    found.record.region + ".",
                400);
  store::Transaction transaction;
  trails_table().erase(transaction,
                       trail_key(found.record.account, found.record.region, found.record.name),
                       std::nullopt);
  store::Scan scan;
  scan.table = digests_table().name();
  scan.prefix = store::key({found.record.account, found.record.region, found.record.name, ""});
  for (const store::Row& row : TRY(dependencies_.store.scan(scan)).rows)
    transaction.erase(scan.table, row.key, std::nullopt);
  TRY(dependencies_.store.commit(std::move(transaction)));
  TRY(refresh_trails());
  return api::DeleteTrailResponse{};
}

Result<api::StartLoggingResponse> CloudTrailService::start_logging(
    Context& context, const api::StartLoggingRequest& request) {
  const std::uint64_t end = log_.head().position;
  TRY(change(context, request.name, [&](TrailRecord& trail) -> Result<void> {
    if (trail.logging) return {};
    trail.logging = true;
    trail.started = context.received;
    // Events from the time when the trail did not log are not delivered.
    trail.delivered = std::max(trail.delivered, end);
    return {};
  }));
  return api::StartLoggingResponse{};
}

Result<api::StopLoggingResponse> CloudTrailService::stop_logging(
    Context& context, const api::StopLoggingRequest& request) {
  const std::uint64_t end = log_.head().position;
  TRY(change(context, request.name, [&](TrailRecord& trail) -> Result<void> {
    if (!trail.logging) return {};
    trail.logging = false;
    trail.deliver_until = end;
    trail.stopped = context.received;
    return {};
  }));
  return api::StopLoggingResponse{};
}

Result<api::GetTrailStatusResponse> CloudTrailService::get_trail_status(
    Context& context, const api::GetTrailStatusRequest& request) {
  const TrailRecord trail = TRY(find_trail(context, request.name)).record;
  api::GetTrailStatusResponse out;
  out.is_logging = trail.logging;
  out.latest_delivery_time = trail.last_delivery;
  out.latest_digest_delivery_time = trail.last_digest;
  out.start_logging_time = trail.started;
  out.stop_logging_time = trail.stopped;
  if (!trail.delivery_error.empty()) out.latest_delivery_error = trail.delivery_error;
  if (!trail.digest_error.empty()) out.latest_digest_delivery_error = trail.digest_error;
  const auto text = [](const std::optional<Timestamp>& time) {
    return time ? format_iso8601({time->microseconds / 1'000'000 * 1'000'000}) : std::string();
  };
  out.time_logging_started = text(trail.started);
  out.time_logging_stopped = text(trail.stopped);
  out.latest_delivery_attempt_time = text(trail.last_attempt);
  out.latest_delivery_attempt_succeeded =
      trail.delivery_error.empty() ? text(trail.last_attempt) : std::string();
  out.latest_notification_attempt_time = "";
  out.latest_notification_attempt_succeeded = "";
  return out;
}

Result<api::PutEventSelectorsResponse> CloudTrailService::put_event_selectors(
    Context& context, const api::PutEventSelectorsRequest& request) {
  TRY(check_selectors(request));
  const TrailRecord trail =
      TRY(change(context, request.trail_name, [&](TrailRecord& record) -> Result<void> {
        record.selectors = request.event_selectors.value_or(std::vector<api::EventSelector>());
        record.advanced_selectors =
            request.advanced_event_selectors.value_or(std::vector<api::AdvancedEventSelector>());
        return {};
      }));
  return selectors_of<api::PutEventSelectorsResponse>(trail);
}

Result<api::GetEventSelectorsResponse> CloudTrailService::get_event_selectors(
    Context& context, const api::GetEventSelectorsRequest& request) {
  return selectors_of<api::GetEventSelectorsResponse>(
      TRY(find_trail(context, request.trail_name)).record);
}

Result<api::AddTagsResponse> CloudTrailService::add_tags(Context& context,
                                                         const api::AddTagsRequest& request) {
  TRY(change(context, request.resource_id,
             [&](TrailRecord& trail) { return add_tags_to(trail, request.tags_list); }));
  return api::AddTagsResponse{};
}

Result<api::ListTagsResponse> CloudTrailService::list_tags(Context& context,
                                                           const api::ListTagsRequest& request) {
  if (request.next_token)
    return fail("InvalidTokenException", "There are no further pages of tags.", 400);
  api::ListTagsResponse out;
  out.resource_tag_list.emplace();
  for (const std::string& id : request.resource_id_list) {
    const TrailRecord trail = TRY(find_trail(context, id)).record;
    api::ResourceTag tags;
    tags.resource_id = trail.arn();
    tags.tags_list.emplace();
    for (const auto& [key, value] : trail.tags) tags.tags_list->push_back({key, value});
    out.resource_tag_list->push_back(std::move(tags));
  }
  return out;
}

Result<api::RemoveTagsResponse> CloudTrailService::remove_tags(
    Context& context, const api::RemoveTagsRequest& request) {
  TRY(change(context, request.resource_id, [&](TrailRecord& trail) -> Result<void> {
    for (const api::Tag& tag : request.tags_list) trail.tags.erase(tag.key);
    return {};
  }));
  return api::RemoveTagsResponse{};
}

}  // namespace tidemill::services::cloudtrail
