// Counts what the recorder did, for the metrics and for one log line a minute about drops.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

namespace tidemill::services::platform {
class MetricRegistry;
}

namespace tidemill::services::sagemaker_runtime {

enum class Dropped : std::uint8_t { queue_full, backlog_full, disk, upload, damaged, stopped };
inline constexpr std::array<const char*, 6> kDroppedNames = {
    "queue_full", "backlog_full", "disk", "upload", "damaged", "stopped"};

// Thread-safe.
class CaptureCounters {
 public:
  std::atomic<std::uint64_t> records = 0;          // given to record()
  std::atomic<std::uint64_t> written = 0;          // to a journal
  std::atomic<std::uint64_t> objects = 0;          // uploaded
  std::atomic<std::uint64_t> object_records = 0;   // in uploaded objects
  std::atomic<std::uint64_t> upload_failures = 0;  // failed attempts
  std::atomic<std::uint64_t> queued_bytes = 0;     // in memory at present
  std::atomic<std::uint64_t> backlog_bytes = 0;    // in journals at present

  void drop(Dropped reason, std::uint64_t count = 1);
  std::uint64_t dropped(Dropped reason) const;
  // Logs what was dropped since the last such line, at most once a minute.
  void report(std::chrono::steady_clock::time_point now);
  // Whether records were dropped that no log line has reported yet.
  bool unreported() const;
  void add_to(platform::MetricRegistry& metrics) const;

 private:
  std::uint64_t dropped_in_all() const;

  std::array<std::atomic<std::uint64_t>, kDroppedNames.size()> dropped_{};
  std::atomic<std::uint64_t> reported_ = 0;
  std::mutex mutex_;
  std::chrono::steady_clock::time_point next_report_{};  // guarded by mutex_
};

inline constexpr std::chrono::seconds kReportInterval{60};

}  // namespace tidemill::services::sagemaker_runtime
