// Data capture: what an endpoint was asked and what it answered, as files in S3 in SageMaker's own
// form. record() costs an invocation a lock and a move; two threads of the recorder do the rest:
//
//   record() -> queue -> writer: lines in a journal, synced -> uploader: journal -> S3 object
//
// A deployment opens a CaptureRoute for each variant and keeps it in its route:
//
//   route.capture = recorder.open(settings);             // when it is deployed
//   captured = route.capture && route.capture->sample();  // when a request begins
//   recorder.record(*route.capture, std::move(exchange));  // when it was captured and is answered
//
// or, when recorder.durable(), record_durably() with the answer in `done`.
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

// One invocation, from both sides; moved in, since the bodies may be large. Members that the
// route does not capture may be left empty.
struct CapturedExchange {
  std::string request_content_type, request_body;
  std::string response_content_type, response_body;
  std::string inference_id, custom_attributes;  // "" none
  Timestamp time;                               // of the inference
};

class Recorder;
struct CaptureChannel;

// An open destination, shared by the routes and the requests under way; when the last of them lets
// it go, its file is closed and uploaded at once. Thread-safe.
class CaptureRoute {
 public:
  // Whether the next request is to be captured: low-discrepancy, so that the share is exact over
  // short runs too, and without a period that could beat with the clients'.
  bool sample() const;
  const CaptureSettings& settings() const;
  ~CaptureRoute();

 private:
  friend class Recorder;
  explicit CaptureRoute(std::shared_ptr<CaptureChannel> channel);
  // Shared: with the recorder, which writes what is left after the route is gone.
  const std::shared_ptr<CaptureChannel> channel_;
  mutable std::atomic<std::uint64_t> turn_ = 0;
};

struct RecorderOptions {
  std::string directory;  // absolute; journals lie below it; made when missing
  bool durable = false;   // the setting `capture`
  // The journal is synced this long after a record at the latest: what a power loss may take. What
  // kill -9 may take is less: the records of the last write_interval.
  std::chrono::milliseconds sync_interval{1000};
  std::chrono::milliseconds write_interval{100};
  // A file is closed and uploaded when nothing came for idle_rotation, when it is busy_rotation
  // old, when it has rotation_bytes, when the hour ends, or when its route is gone.
  std::chrono::milliseconds idle_rotation{2000};
  std::chrono::milliseconds busy_rotation{60'000};
  std::uint64_t rotation_bytes = 8u << 20;
  // Records that wait to be written; beyond it they are dropped and counted.
  std::uint64_t queued_bytes_max = 64u << 20;
  // Journals that wait to be uploaded; beyond it records are dropped and counted.
  std::uint64_t backlog_bytes_max = 1u << 30;
  // A failed upload is tried again with growing delay, for so long; then its records are dropped.
  std::chrono::milliseconds retry_delay{1000};
  std::chrono::milliseconds retry_delay_max{60'000};
  std::chrono::milliseconds upload_age_max{std::chrono::hours(24)};
  // Whether the role may put the object of this ARN ("arn:aws:s3:::bucket/key"); empty: every role
  // may. Asked on the uploader's thread.
  std::function<Result<void>(const std::string& role_arn, const std::string& object_arn)> may_put;
  // How long stop() uploads; what is left lies in its journal for the next start.
  std::chrono::milliseconds stop_time_max{5000};
};

// Thread-safe.
class Recorder final : public CaptureDestinations {
 public:
  // Borrows both.
  Recorder(s3::S3Interface& s3, Random& random, RecorderOptions options);
  // As stop().
  ~Recorder() override;
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  // Takes up the journals that an earlier process left and starts the threads.
  Result<void> start();
  // Writes what is queued and uploads what it can. Records that come later are dropped.
  void stop();

  // The same route while one with equal settings is alive: publishing a route again closes no file.
  std::shared_ptr<const CaptureRoute> open(CaptureSettings settings) override;

  // On any thread; neither blocks nor fails: what cannot be taken is counted as dropped. Once for a
  // request for which sample() said true.
  void record(const CaptureRoute& route, CapturedExchange exchange);
  // `done` comes exactly once, on the recorder's thread or on this one, when the record is synced,
  // or with the error that keeps it from being so; it must not block.
  void record_durably(const CaptureRoute& route, CapturedExchange exchange,
                      std::move_only_function<void(Result<void>)> done);
  bool durable() const;

  void add_to(platform::MetricRegistry& metrics) const;

 private:
  struct Parts;
  const std::unique_ptr<Parts> parts_;
};

}  // namespace tidemill::services::sagemaker_runtime
