#include "services/sagemaker_runtime/capture/counters.h"

#include "base/log.h"

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

std::string CaptureCounters::text() const {
  std::string out;
  auto add = [&out](const char* name, const char* kind, std::uint64_t value) {
    out.append("# TYPE ").append(name).append(" ").append(kind).append("\n");
    out.append(name).append(" ").append(std::to_string(value)).append("\n");
  };
  add("tidemill_capture_records_total", "counter", records);
  add("tidemill_capture_written_total", "counter", written);
  add("tidemill_capture_objects_total", "counter", objects);
  add("tidemill_capture_object_records_total", "counter", object_records);
  add("tidemill_capture_upload_failures_total", "counter", upload_failures);
  add("tidemill_capture_queued_bytes", "gauge", queued_bytes);
  add("tidemill_capture_backlog_bytes", "gauge", backlog_bytes);
  out += "# TYPE tidemill_capture_dropped_total counter\n";
  for (std::size_t i = 0; i < kDroppedNames.size(); ++i)
    out.append("tidemill_capture_dropped_total{reason=\"")
        .append(kDroppedNames[i])
        .append("\"} ")
        .append(std::to_string(dropped_[i].load(std::memory_order_relaxed)))
        .append("\n");
  return out;
}

}  // namespace tidemill::services::sagemaker_runtime
