// CloudTrail: the event history, trails, and the keys that sign digests. It is the server's
// auditor: the dispatcher tells it about calls.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/cloudtrail/event.h"
#include "api/cloudtrail/key.h"
#include "api/cloudtrail/trail.h"
#include "base/clock.h"
#include "base/random.h"
#include "services/cloudtrail/event/stranger_budget.h"
#include "services/cloudtrail/log/audit_log.h"
#include "services/cloudtrail/trail/trail.h"
#include "services/platform/audit/auditor.h"
#include "services/platform/audit/resource_names.h"
#include "services/platform/handlers/handlers.h"
#include "services/platform/metrics/metrics.h"
#include "store/store.h"

namespace tidemill::services::cloudtrail {

inline constexpr std::size_t kTrailsMax = 5;  // per account and region
inline constexpr std::size_t kTagsMax = 50;
// The user id of the calls that write the files of trails.
inline constexpr std::string_view kDeliveryPrincipal = "cloudtrail.amazonaws.com";

struct Dependencies {
  store::Store& store;
  const Clock& clock;
  Random& random;
  std::string home_region;  // of events of global services
  // The ARNs of the resources that a call names; empty when it names none.
  std::function<std::vector<std::string>(const platform::Call&)> find_resources;
  std::function<platform::SessionFacts(const Principal&)> find_session;
  // Whether the account has the bucket.
  std::function<bool(std::string_view account, std::string_view bucket)> has_bucket;
  // The server's own account, which has the records of calls that belong to no account.
  std::function<std::string()> own_account = {};
  // Refused calls of callers without credentials that were not recorded; nullptr: not counted.
  platform::Counter* left_out = nullptr;
};

// Thread-safe.
class CloudTrailService final : public platform::Auditor {
 public:
  explicit CloudTrailService(Dependencies dependencies);

  static std::vector<store::TableSpec> tables();
  void add_to(Registry& registry);
  Result<void> start();
  void stop() { log_.stop(); }
  AuditLog& log() { return log_; }

  std::unique_ptr<platform::AuditNote> begin(const platform::Call& call) override;
  std::optional<platform::AuditRecord> end(const platform::Call& call,
                                           const platform::AuditNote* note,
                                           const Result<Value>& result) override;
  void append(platform::AuditRecord record, std::move_only_function<void()> done) override;

  // The current signing key; made at first use.
  Result<SigningKeyRecord> signing_key();
  // Signs the end of the chain, unless that was signed already.
  Result<void> add_checkpoint();

  // Handlers.
  Result<api::cloudtrail::LookupEventsResponse> lookup_events(
      Context&, const api::cloudtrail::LookupEventsRequest&);
  Result<api::cloudtrail::ListPublicKeysResponse> list_public_keys(
      Context&, const api::cloudtrail::ListPublicKeysRequest&);
  Result<api::cloudtrail::CreateTrailResponse> create_trail(
      Context&, const api::cloudtrail::CreateTrailRequest&);
  Result<api::cloudtrail::GetTrailResponse> get_trail(Context&,
                                                      const api::cloudtrail::GetTrailRequest&);
  Result<api::cloudtrail::DescribeTrailsResponse> describe_trails(
      Context&, const api::cloudtrail::DescribeTrailsRequest&);
  Result<api::cloudtrail::ListTrailsResponse> list_trails(
      Context&, const api::cloudtrail::ListTrailsRequest&);
  Result<api::cloudtrail::UpdateTrailResponse> update_trail(
      Context&, const api::cloudtrail::UpdateTrailRequest&);
  Result<api::cloudtrail::DeleteTrailResponse> delete_trail(
      Context&, const api::cloudtrail::DeleteTrailRequest&);
  Result<api::cloudtrail::StartLoggingResponse> start_logging(
      Context&, const api::cloudtrail::StartLoggingRequest&);
  Result<api::cloudtrail::StopLoggingResponse> stop_logging(
      Context&, const api::cloudtrail::StopLoggingRequest&);
  Result<api::cloudtrail::GetTrailStatusResponse> get_trail_status(
      Context&, const api::cloudtrail::GetTrailStatusRequest&);
  Result<api::cloudtrail::PutEventSelectorsResponse> put_event_selectors(
      Context&, const api::cloudtrail::PutEventSelectorsRequest&);
  Result<api::cloudtrail::GetEventSelectorsResponse> get_event_selectors(
      Context&, const api::cloudtrail::GetEventSelectorsRequest&);
  Result<api::cloudtrail::AddTagsResponse> add_tags(Context&,
                                                    const api::cloudtrail::AddTagsRequest&);
  Result<api::cloudtrail::ListTagsResponse> list_tags(Context&,
                                                      const api::cloudtrail::ListTagsRequest&);
  Result<api::cloudtrail::RemoveTagsResponse> remove_tags(
      Context&, const api::cloudtrail::RemoveTagsRequest&);

  // Every trail of every account; also for the delivery.
  Result<std::vector<TrailRecord>> all_trails();
  // Loads, changes and stores a trail, again when another was faster. TrailNotFoundException.
  Result<TrailRecord> change_trail(std::string_view account, std::string_view region,
                                   std::string_view name,
                                   const std::function<Result<void>(TrailRecord&)>& change);

 private:
  struct Found {
    TrailRecord record;
    std::uint64_t version = 0;
  };
  // Finds a trail by its name in the caller's region, or by its ARN from any region.
  Result<Found> find_trail(const Context& context, std::string_view name_or_arn);
  // The same, and InvalidHomeRegionException from another region than the trail's.
  Result<TrailRecord> change(const Context& context, std::string_view name_or_arn,
                             const std::function<Result<void>(TrailRecord&)>& change);
  Result<void> check_bucket(const Context& context, std::string_view bucket,
                            std::string_view prefix) const;
  // Whether a trail that is logging selects the event.
  bool selected(const platform::Call& call, const EventSubject& event) const;
  // Whether a refused call of a caller without credentials is recorded; counts those that are not.
  bool admits_stranger();
  // Publishes which trails are logging, for begin().
  Result<void> refresh_trails();

  Dependencies dependencies_;
  AuditLog log_;
  StrangerBudget strangers_;
  std::mutex refreshing_, making_key_;
  // The trails that are logging; replaced as a whole, since requests read it.
  std::atomic<std::shared_ptr<const std::vector<TrailRecord>>> logging_;
  // Every request looks at these first: whether any trail may select reads or data events.
  std::atomic<bool> wants_reads_ = false, wants_data_ = false;
};

// Tidemill's own errors as the service shows them; conflicts are ConflictException.
Error public_error(Error error);

}  // namespace tidemill::services::cloudtrail
