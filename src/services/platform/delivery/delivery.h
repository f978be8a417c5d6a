// Durable delivery of a payload to a target, for everything that has targets: rules of EventBridge,
// subscriptions of SNS, schedules, alarms. At least once, with retries, ageing and dead letters.
//
//   waiting -> (delivered: gone) | dead -> gone
//
// A record whose delivery ended but which the store failed to erase is `over` until it is erased.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <shared_mutex>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "engine/engine.h"
#include "services/platform/delivery/driver.h"
#include "store/table.h"

namespace tidemill::services::platform {

class MetricRegistry;

// The limits and defaults of EventBridge's RetryPolicy.
struct DeliveryPolicy {
  std::int64_t retries_max = 185;               // 0 to 185, besides the first attempt
  std::int64_t event_age_seconds_max = 86'400;  // 60 to 86400
};
BOOST_DESCRIBE_STRUCT(DeliveryPolicy, (), (retries_max, event_age_seconds_max))

struct Delivery {
  std::string account, region;
  std::string target;  // an ARN, or an http:// or https:// URL
  std::string payload;
  std::string content_type = "application/json";
  std::map<std::string, std::string> attributes;
  std::string role_arn;            // "": the delivery needs no permission
  std::string dead_letter_target;  // "": undeliverable payloads are dropped and counted
  DeliveryPolicy policy;
};
BOOST_DESCRIBE_STRUCT(Delivery, (),
                      (account, region, target, payload, content_type, attributes, role_arn,
                       dead_letter_target, policy))

enum class DeliveryState { waiting, dead, over };
BOOST_DESCRIBE_ENUM(DeliveryState, waiting, dead, over)

struct DeliveryRecord {
  Delivery delivery;
  std::string id;
  DeliveryState state = DeliveryState::waiting;
  Timestamp created;  // by the durations clock: measures the age, not for display
  std::int64_t attempts = 0;
  std::string code, message;  // of the last failed attempt
  std::string exhausted;      // why it is dead: MaximumRetryAttempts, MaximumEventAgeInSeconds, ...
  std::int64_t bury_attempts = 0;  // failed attempts to send its dead letter
};
BOOST_DESCRIBE_STRUCT(DeliveryRecord, (),
                      (delivery, id, state, created, attempts, code, message, exhausted,
                       bury_attempts))

inline constexpr const char* kDeliveryMachine = "platform_delivery";
inline constexpr std::size_t kDeliveryBytesMax = 256u << 10;
// Number of attempts that run at once. Targets share these lanes, so a slow target leaves workers
// and most other targets alone.
inline constexpr std::size_t kDeliveryLanes = 16;
// Limit of pending deliveries; send() refuses more. So a busy target that keeps failing fills
// neither the disk nor the engine.
inline constexpr std::size_t kDeliveriesPendingMax = 100'000;

std::string_view invariant(const DeliveryRecord& record);
const store::Table<DeliveryRecord>& delivery_table();

// A pure function, declared for tests; see delivery_transitions.cc. `now`: by the durations clock.
Result<std::optional<engine::Step<DeliveryRecord>>> delivery_transition(
    const DeliveryRecord& record, const engine::Event& event, Timestamp now);

struct DeliveryPorts {
  // Whether the role may do `action` on the target; called before each attempt.
  // AccessDeniedException or a similar error makes the delivery dead at once.
  std::function<Result<void>(const std::string& role_arn, const std::string& action,
                             const std::string& target)>
      authorize;
};

// Thread-safe once the engine has started; register drivers before that.
class Deliveries {
 public:
  // Borrows the first four. `durations` is the clock of the engine's timers, so that a step of the
  // wall clock does not age deliveries.
  Deliveries(store::Store& store, engine::Engine& engine, Random& random, const Clock& durations,
             DeliveryPorts ports, std::size_t pending_max = kDeliveriesPendingMax);
  static std::vector<store::TableSpec> tables();
  // Call before the engine starts.
  void add_to(engine::Engine& engine);

  // `service` is that of targets "arn:*:SERVICE:*:*:RESOURCE_TYPE..." (resource type "": any), or a
  // URL scheme ("https"). The driver is borrowed. Registering the same kind twice aborts.
  void add(const std::string& service, const std::string& resource_type, DeliveryDriver& driver);

  // Returns the delivery's id once it is durable. Tidemill.Invalid: no driver takes the target or
  // the dead-letter target, or a limit is exceeded. Tidemill.Overloaded: too many are pending.
  Result<std::string> send(const Delivery& delivery, store::Transaction along = {});
  // The number of deliveries that wait, or are dead and whose dead letter is not sent yet.
  Result<std::size_t> pending();

  struct Counters {
    std::atomic<std::uint64_t> delivered{0}, failed_attempts{0}, dead_lettered{0}, dropped{0};
  };
  const Counters& counters() const { return counters_; }
  void add_to(MetricRegistry& metrics) const;

 private:
  Result<DeliveryDriver*> driver_of(const std::string& target) const;
  engine::TaskResult run_task(const DeliveryRecord& record, const engine::TaskRun& run);
  engine::TaskResult attempt(const DeliveryRecord& record, const std::stop_token& stop);
  engine::TaskResult bury(const DeliveryRecord& record, const engine::TaskRun& run);
  AttemptResult send_dead_letter(const DeliveryRecord& record, const std::stop_token& stop);
  engine::TaskResult forget(const DeliveryRecord& record, const std::string& key);
  AttemptResult call(const std::string& target, Attempt attempt, const std::stop_token& stop);
  Result<void> reserve_place();

  store::Store& store_;
  engine::Engine& engine_;
  Random& random_;
  const Clock& durations_;
  const DeliveryPorts ports_;
  const std::size_t pending_max_;
  std::map<std::pair<std::string, std::string>, DeliveryDriver*> drivers_;
  Counters counters_;
  // Held exclusively while the store's records are counted, shared while a record is erased.
  std::shared_mutex counting_;
  bool counted_ = false;  // guarded by counting_
  // Records in the store plus those being created; valid once counted. Store failures with an
  // unknown outcome can make it too large by that many, until the next start.
  std::atomic<std::size_t> pending_{0};
};

}  // namespace tidemill::services::platform
