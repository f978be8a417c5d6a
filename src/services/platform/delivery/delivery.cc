#include "services/platform/delivery/delivery.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <mutex>

#include "base/arn.h"
#include "base/log.h"
#include "engine/transitions.h"
#include "services/platform/delivery/delivery_events.h"
#include "services/platform/metrics/metrics.h"

namespace tidemill::services::platform {

namespace {

constexpr std::int64_t kRetriesMax = 185, kAgeSecondsMin = 60, kAgeSecondsMax = 86'400;
constexpr std::chrono::milliseconds kFirstDelay{500}, kDelayMax{600'000};
constexpr std::chrono::seconds kRetryAfterMax{3600};
constexpr std::size_t kMessageMax = 1000;

// The URL's scheme, such as "https"; "" when the target is not a URL.
std::string scheme_of(const std::string& target) {
  const std::size_t end = target.find("://");
  if (end == target.npos || target.starts_with("arn:")) return "";
  return target.substr(0, end);
}

// The pause doubles with each attempt, up to ten minutes; jitter takes away up to half of it.
std::int64_t delay_after(std::int64_t attempts, const AttemptResult& result, Random& random) {
  const std::int64_t doublings = std::min<std::int64_t>(attempts, 20);
  std::chrono::milliseconds delay =
      std::min<std::chrono::milliseconds>(kFirstDelay * (1LL << doublings), kDelayMax);
  const auto half = std::uint64_t(delay.count() / 2);
  delay = std::chrono::milliseconds(half + random.next() % (half + 1));
  if (result.retry_after)
    delay =
        std::max<std::chrono::milliseconds>(delay, std::min(*result.retry_after, kRetryAfterMax));
  return delay.count();
}

}  // namespace

const store::Table<DeliveryRecord>& delivery_table() {
  static const store::Table<DeliveryRecord> table("platform_deliveries", {}, &invariant);
  return table;
}

std::string_view invariant(const DeliveryRecord& record) {
  if (record.id.empty() || record.delivery.target.empty())
    return "a delivery must have an id and a target";
  if (record.attempts < 0 || record.bury_attempts < 0)
    return "a delivery's attempts must not be negative";
  if (record.state == DeliveryState::waiting && !record.exhausted.empty())
    return "a delivery that waits must not have a reason for giving up";
  if (record.state == DeliveryState::dead && record.exhausted.empty())
    return "a dead delivery must have a reason";
  return {};
}

std::vector<store::TableSpec> Deliveries::tables() { return {delivery_table().spec()}; }

Deliveries::Deliveries(store::Store& store, engine::Engine& engine, Random& random,
                       const Clock& durations, DeliveryPorts ports, std::size_t pending_max)
    : store_(store),
      engine_(engine),
      random_(random),
      durations_(durations),
      ports_(std::move(ports)),
      pending_max_(pending_max) {}

void Deliveries::add_to(engine::Engine& engine) {
  engine::Machine machine = engine::make_machine(
      kDeliveryMachine, delivery_table(),
      [this](const DeliveryRecord& record, const engine::Event& event, Timestamp) {
        return delivery_transition(record, event, durations_.now());
      },
      [this](const DeliveryRecord& record, const engine::TaskRun& run) {
        return run_task(record, run);
      },
      // A retry by the engine would hold the lane until the next attempt; the transitions set
      // timers instead.
      {.attempts_max = 1});
  // A delivery's key begins with its lane.
  machine.lane = [](std::string_view key) { return store::split_key(key).front(); };
  engine.add(std::move(machine));
}

void Deliveries::add(const std::string& service, const std::string& resource_type,
                     DeliveryDriver& driver) {
  if (!drivers_.emplace(std::pair(service, resource_type), &driver).second) {
    log::error("a delivery driver is registered twice", {{"service", service}});
    std::abort();
  }
}

Result<DeliveryDriver*> Deliveries::driver_of(const std::string& target) const {
  std::string service = scheme_of(target), type;
  if (service.empty()) {
    const Arn arn = TRY(parse_arn(target));
    service = arn.service;
    type = arn.resource_type();
  }
  auto found = drivers_.find({service, type});
  if (found == drivers_.end()) found = drivers_.find({service, ""});
  if (found == drivers_.end())
    return fail(codes::kInvalid, "nothing can be delivered to " + target.substr(0, 200) +
                                     ": this kind of target is not supported");
  return found->second;
}

// Counts one more pending delivery, unless the limit is reached.
Result<void> Deliveries::reserve_place() {
  bool counted = false;
  {
    std::shared_lock lock(counting_);
    counted = counted_;
  }
  // Counted at the first use: doing so at start would delay it by reading every record.
  if (!counted) {
    std::unique_lock lock(counting_);
    if (!counted_) pending_ += TRY(pending());
    counted_ = true;
  }
  if (pending_.fetch_add(1) < pending_max_) return {};
  --pending_;
  return fail(codes::kOverloaded,
              fmt::format("{} events wait for their delivery, and no more are taken until some of "
                          "them are delivered or given up",
                          pending_max_));
}

Result<std::string> Deliveries::send(const Delivery& delivery, store::Transaction along) {
  TRY(driver_of(delivery.target));
  if (!delivery.dead_letter_target.empty()) TRY(driver_of(delivery.dead_letter_target));
  const DeliveryPolicy& policy = delivery.policy;
  if (policy.retries_max < 0 || policy.retries_max > kRetriesMax)
    return fail(codes::kInvalid, fmt::format("MaximumRetryAttempts {} is not within 0 and {}",
                                             policy.retries_max, kRetriesMax));
  if (policy.event_age_seconds_max < kAgeSecondsMin ||
      policy.event_age_seconds_max > kAgeSecondsMax)
    return fail(codes::kInvalid,
                fmt::format("MaximumEventAgeInSeconds {} is not within {} and {}",
                            policy.event_age_seconds_max, kAgeSecondsMin, kAgeSecondsMax));
  if (delivery.payload.size() > kDeliveryBytesMax)
    return fail(codes::kInvalid, fmt::format("a payload of {} bytes; the limit is {}",
                                             delivery.payload.size(), kDeliveryBytesMax));
  DeliveryRecord record{
      .delivery = delivery, .id = make_uuid(random_), .created = durations_.now()};
  const std::size_t lane = std::hash<std::string>()(delivery.target) % kDeliveryLanes;
  TRY(reserve_place());
  Result<void> made =
      engine_.create(kDeliveryMachine, store::key({std::to_string(lane), record.id}),
                     to_json(delivery_table().checked(record.id, record)), {},
                     {{.type = delivery_tasks::kAttempt}}, std::move(along));
  // After Tidemill.Io the record may exist, so its place stays taken.
  if (!made && made.error().code != codes::kIo) --pending_;
  TRY(std::move(made));
  return record.id;
}

Result<std::size_t> Deliveries::pending() {
  std::size_t count = 0;
  store::Scan scan{.table = delivery_table().name(), .limit = 1000};
  do {
    const store::Page page = TRY(store_.scan(scan));
    count += page.rows.size();
    scan.after = page.next;
  } while (!scan.after.empty());
  return count;
}

engine::TaskResult Deliveries::run_task(const DeliveryRecord& record, const engine::TaskRun& run) {
  if (run.type == delivery_tasks::kAttempt && record.state == DeliveryState::waiting) {
    engine::TaskResult result = attempt(record, run.stop);
    if (!result || !result->empty()) return result;
    ++counters_.delivered;
    return forget(record, run.key);
  }
  if (run.type == delivery_tasks::kBury && record.state == DeliveryState::dead)
    return bury(record, run);
  if (run.type == delivery_tasks::kForget) return forget(record, run.key);
  return std::vector<engine::Event>();
}

AttemptResult Deliveries::call(const std::string& target, Attempt attempt,
                               const std::stop_token& stop) {
  const Result<DeliveryDriver*> driver = driver_of(target);
  if (!driver) return AttemptResult::refused("UNSUPPORTED_TARGET", driver.error().message);
  const std::string action = (*driver)->action();
  if (!attempt.role_arn.empty() && !action.empty() && ports_.authorize) {
    const Result<void> allowed = ports_.authorize(attempt.role_arn, action, target);
    if (!allowed) return AttemptResult::refused("NO_PERMISSIONS", allowed.error().message);
  }
  attempt.target = target;
  try {
    return (*driver)->attempt(attempt, stop);
  } catch (const std::exception& exception) {
    return AttemptResult::retry("INTERNAL_ERROR", exception.what());
  }
}

// Returns no event when the payload was delivered: the record is then erased.
engine::TaskResult Deliveries::attempt(const DeliveryRecord& record, const std::stop_token& stop) {
  const Delivery& delivery = record.delivery;
  AttemptResult result =
      call(delivery.target,
           {record.id, delivery.account, delivery.region, delivery.target, delivery.payload,
            delivery.content_type, delivery.attributes, delivery.role_arn, record.attempts + 1},
           stop);
  if (result.outcome == AttemptResult::Outcome::delivered) return std::vector<engine::Event>();
  if (stop.stop_requested()) return fail(codes::kCancelled, "the server is being stopped");
  ++counters_.failed_attempts;
  const AttemptFailed failed{std::move(result.code), result.message.substr(0, kMessageMax),
                             result.outcome == AttemptResult::Outcome::refused,
                             delay_after(record.attempts, result, random_)};
  return std::vector<engine::Event>{{AttemptFailed::kType, to_value(failed)}};
}

// The attributes that EventBridge sets on dead letters.
AttemptResult Deliveries::send_dead_letter(const DeliveryRecord& record,
                                           const std::stop_token& stop) {
  const Delivery& delivery = record.delivery;
  std::map<std::string, std::string> why = delivery.attributes;
  why["TARGET_ARN"] = delivery.target;
  why["ERROR_CODE"] = record.code;
  why["ERROR_MESSAGE"] = record.message;
  why["RETRY_ATTEMPTS"] = std::to_string(std::max<std::int64_t>(record.attempts - 1, 0));
  if (record.exhausted != "NonRetryable") why["EXHAUSTED_RETRY_CONDITION"] = record.exhausted;
  return call(delivery.dead_letter_target,
              {record.id, delivery.account, delivery.region, "", delivery.payload,
               delivery.content_type, std::move(why), "", record.attempts},
              stop);
}

engine::TaskResult Deliveries::bury(const DeliveryRecord& record, const engine::TaskRun& run) {
  std::string why_dropped = "none";
  if (!record.delivery.dead_letter_target.empty()) {
    const AttemptResult result = send_dead_letter(record, run.stop);
    if (result.outcome == AttemptResult::Outcome::delivered) {
      ++counters_.dead_lettered;
      return forget(record, run.key);
    }
    if (run.stop.stop_requested()) return fail(codes::kCancelled, "the server is being stopped");
    if (record.bury_attempts + 1 < kBuryAttemptsMax)
      return engine::events_of(BuryFailed{delay_after(record.bury_attempts, result, random_)});
    why_dropped = result.message;
  }
  ++counters_.dropped;
  log::warning("an event could not be delivered and is dropped",
               {{"target", record.delivery.target},
                {"attempts", record.attempts},
                {"why", record.exhausted},
                {"reason", record.message},
                {"dead_letter", why_dropped}});
  return forget(record, run.key);
}

engine::TaskResult Deliveries::forget(const DeliveryRecord& record, const std::string& key) {
  std::shared_lock lock(counting_);
  const Result<void> erased = engine_.erase(kDeliveryMachine, key, {});
  if (erased && counted_) --pending_;
  if (erased || erased.error().code == codes::kNotFound) return std::vector<engine::Event>();
  log::warning("the record of a finished delivery could not be erased yet",
               {{"delivery", record.id}, {"reason", erased.error().message}});
  return engine::events_of(ForgetFailed{});
}

void Deliveries::add_to(MetricRegistry& metrics) const {
  metrics.add(
      {.name = "tidemill_deliveries_delivered_total", .help = "Events that reached their target."},
      reading(counters_.delivered));
  metrics.add({.name = "tidemill_deliveries_failed_attempts_total",
               .help = "Failed attempts to deliver an event."},
              reading(counters_.failed_attempts));
  metrics.add({.name = "tidemill_deliveries_dead_lettered_total",
               .help = "Events that went to a dead-letter target."},
              reading(counters_.dead_lettered));
  metrics.add({.name = "tidemill_deliveries_dropped_total",
               .help = "Events that could not be delivered and had no dead-letter target."},
              reading(counters_.dropped));
}

}  // namespace tidemill::services::platform
