#include "services/sagemaker_runtime/capture/counters.h"

#include "base/log.h"
#include "services/platform/metrics/metrics.h"

namespace tidemill::services::sagemaker_runtime {

void CaptureCounters::drop(Dropped reason, std::uint64_t count) {
  dropped_[std::size_t(reason)].fetch_add(count, std::memory_order_relaxed);
}

std::uint64_t CaptureCounters::dropped(Dropped reason) const {
  return dropped_[std::size_t(reason)].load(std::memory_order_relaxed);
}

std::uint64_t CaptureCounters::dropped_in_all() const {
  std::uint64_t sum = 0;
  for (const auto& each : dropped_) sum += each.load(std::memory_order_relaxed);
  return sum;
}

bool CaptureCounters::unreported() const { return dropped_in_all() != reported_.load(); }

void CaptureCounters::report(std::chrono::steady_clock::time_point now) {
  if (!unreported()) return;
  std::lock_guard lock(mutex_);
  if (now < next_report_) return;
  next_report_ = now + kReportInterval;
  const std::uint64_t all = dropped_in_all();
  const std::uint64_t since = all - reported_.exchange(all);
  auto in_all = [this](Dropped reason) { return std::int64_t(dropped(reason)); };
  log::warning("captured records were dropped",
               {{"records", std::int64_t(since)},
                {"queue_full_in_all", in_all(Dropped::queue_full)},
                {"backlog_full_in_all", in_all(Dropped::backlog_full)},
                {"disk_in_all", in_all(Dropped::disk)},
                {"upload_in_all", in_all(Dropped::upload)},
                {"damaged_in_all", in_all(Dropped::damaged)}});
}

void CaptureCounters::add_to(platform::MetricRegistry& metrics) const {
  using platform::MetricKind;
  using platform::reading;
  metrics.add({.name = "tidemill_capture_records_total", .help = "Invocations to capture."},
              reading(records));
  metrics.add(
      {.name = "tidemill_capture_written_total", .help = "Captured records written to a journal."},
      reading(written));
  metrics.add({.name = "tidemill_capture_objects_total",
               .help = "Objects of captured records uploaded to S3."},
              reading(objects));
  metrics.add({.name = "tidemill_capture_object_records_total",
               .help = "Captured records in the objects uploaded to S3."},
              reading(object_records));
  metrics.add({.name = "tidemill_capture_upload_failures_total",
               .help = "Failed attempts to upload captured records."},
              reading(upload_failures));
  metrics.add({.name = "tidemill_capture_queued_bytes",
               .kind = MetricKind::gauge,
               .help = "Captured records in memory that are not written yet."},
              reading(queued_bytes));
  metrics.add({.name = "tidemill_capture_backlog_bytes",
               .kind = MetricKind::gauge,
               .help = "Journals of captured records that are not uploaded yet."},
              reading(backlog_bytes));
  for (std::size_t i = 0; i < kDroppedNames.size(); ++i)
    metrics.add(
        {.name = "tidemill_capture_dropped_total", .help = "Captured records lost, by reason."},
        reading(dropped_[i]), {{"reason", kDroppedNames[i]}});
}

}  // namespace tidemill::services::sagemaker_runtime
