// Data capture: writes an endpoint's requests and responses to files in S3, in SageMaker's format.
// record() costs an invocation one lock and one move; two threads of the recorder do the rest:
//
//   record() -> queue -> writer: lines in a journal, synced -> uploader: journal -> S3 object
//
// A deployment opens a CaptureRoute for each variant and keeps it in the variant's route:
//
//   route.capture = recorder.open(settings);               // when it is deployed
//   captured = route.capture && route.capture->sample();   // when a request begins
//   recorder.record(*route.capture, std::move(exchange));  // when it is answered
//
// When recorder.durable(), use record_durably() and send the answer from `done`.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "services/s3/interface.h"
#include "services/sagemaker_runtime/capture/settings.h"

namespace tidemill::services::platform {
class MetricRegistry;
}

namespace tidemill::services::sagemaker_runtime {

// The request and the response of one invocation. Passed by move, since the bodies may be large.
// Members that the route does not capture may be left empty.
struct CapturedExchange {
  std::string request_content_type, request_body;
  std::string response_content_type, response_body;
  std::string inference_id, custom_attributes;  // "": none
  Timestamp time;                               // when the invocation happened
};

class Recorder;
struct CaptureChannel;

// An open destination, shared by routes and requests in progress. When its last owner is gone, the
// file is closed and uploaded at once. Thread-safe.
class CaptureRoute {
 public:
  // Whether to capture the next request. Low-discrepancy: the share is exact over short runs too,
  // and has no period that could coincide with one of the clients.
  bool sample() const;
  const CaptureSettings& settings() const;
  ~CaptureRoute();

 private:
  friend class Recorder;
  explicit CaptureRoute(std::shared_ptr<CaptureChannel> channel);
  // Shared with the recorder, which writes the remaining records after the route is gone.
  const std::shared_ptr<CaptureChannel> channel_;
  mutable std::atomic<std::uint64_t> turn_ = 0;
};

struct RecorderOptions {
  std::string directory;  // absolute; holds the journals; created when missing
  bool durable = false;   // the setting `capture`
  // A journal is synced this long after a record at the latest: a power loss may lose that much.
  // kill -9 loses less: the records of the last write_interval.
  std::chrono::milliseconds sync_interval{1000};
  std::chrono::milliseconds write_interval{100};
  // A file is closed and uploaded when no record came for idle_rotation, at an age of
  // busy_rotation, at a size of rotation_bytes, at the end of the hour, or when its route is gone.
  std::chrono::milliseconds idle_rotation{2000};
  std::chrono::milliseconds busy_rotation{60'000};
  std::uint64_t rotation_bytes = 8u << 20;
  // Limit of records waiting to be written; further ones are dropped and counted.
  std::uint64_t queued_bytes_max = 64u << 20;
  // Limit of journals waiting to be uploaded; beyond it, records are dropped and counted.
  std::uint64_t backlog_bytes_max = 1u << 30;
  // A failed upload is retried with growing delays for this long; then its records are dropped.
  std::chrono::milliseconds retry_delay{1000};
  std::chrono::milliseconds retry_delay_max{60'000};
  std::chrono::milliseconds upload_age_max{std::chrono::hours(24)};
  // How long stop() uploads; the rest stays in journals for the next start.
  std::chrono::milliseconds stop_time_max{5000};
};

// Thread-safe.
class Recorder final : public CaptureDestinations {
 public:
  // Borrows `roles`, which writes each object as its settings' role, and `random`.
  Recorder(s3::S3Roles& roles, Random& random, RecorderOptions options);
  // Calls stop().
  ~Recorder() override;
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  // Queues the journals that an earlier process left, and starts the threads.
  Result<void> start();
  // Writes what is queued and uploads what it can. Later records are dropped.
  void stop();

  // Returns the same route while an equal one is alive, so republishing a route closes no file.
  std::shared_ptr<const CaptureRoute> open(CaptureSettings settings) override;

  // On any thread. Never blocks or fails: records that cannot be taken are counted as dropped. Call
  // it once for each request for which sample() returned true.
  void record(const CaptureRoute& route, CapturedExchange exchange);
  // Calls `done` exactly once, on the recorder's thread or this one: when the record is synced, or
  // with the error that prevents it. `done` must not block.
  void record_durably(const CaptureRoute& route, CapturedExchange exchange,
                      std::move_only_function<void(Result<void>)> done);
  bool durable() const;

  void add_to(platform::MetricRegistry& metrics) const;

 private:
  struct Parts;
  const std::unique_ptr<Parts> parts_;
};

}  // namespace tidemill::services::sagemaker_runtime
