#include "server/metrics.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <mutex>

namespace tidemill::server {
namespace {

std::uint64_t resident_bytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  if (!file) return 0;
  unsigned long long total = 0, resident = 0;
  int fields = std::fscanf(file, "%llu %llu", &total, &resident);
  std::fclose(file);
  return fields == 2 ? resident * std::uint64_t(sysconf(_SC_PAGESIZE)) : 0;
}

std::string labels(const std::pair<std::string, std::string>& key) {
  return "service=\"" + key.first + "\",operation=\"" + key.second + "\"";
}

}  // namespace

Metrics::Row& Metrics::row(Rows& rows, std::string_view service, std::string_view operation) {
  {
    std::shared_lock lock(mutex_);
    auto found = rows.find(Names(service, operation));
    if (found != rows.end()) return *found->second;
  }
  std::unique_lock lock(mutex_);
  auto [found, made] = rows.try_emplace({std::string(service), std::string(operation)});
  if (made) found->second = std::make_unique<Row>();
  return *found->second;
}

void Metrics::record(std::string_view service, std::string_view operation, int status,
                     std::chrono::nanoseconds duration) {
  Row& to = row(rows_, service, operation);
  to.by_status_class[std::size_t(std::clamp(status / 100, 0, 5))].fetch_add(
      1, std::memory_order_relaxed);
  double seconds = std::chrono::duration<double>(duration).count();
  std::size_t bucket = std::size_t(std::ranges::lower_bound(kBuckets, seconds) - kBuckets.begin());
  to.buckets[bucket].fetch_add(1, std::memory_order_relaxed);
  to.nanoseconds.fetch_add(std::uint64_t(duration.count()), std::memory_order_relaxed);
}

void Metrics::record_inside(std::string_view service, std::string_view operation, bool succeeded,
                            std::chrono::nanoseconds duration) {
  Row& to = row(inside_, service, operation);
  to.by_status_class[succeeded ? 2 : 4].fetch_add(1, std::memory_order_relaxed);
  to.nanoseconds.fetch_add(std::uint64_t(duration.count()), std::memory_order_relaxed);
}

// With mutex_ held.
std::string Metrics::inside_text() const {
  std::string calls =
      "# HELP tidemill_inside_calls_total Calls from inside the server, as a role or a service.\n"
      "# TYPE tidemill_inside_calls_total counter\n";
  std::string seconds = "# TYPE tidemill_inside_call_seconds_total counter\n";
  char number[64];
  for (const auto& [key, row] : inside_) {
    for (const auto& [status, result] : {std::pair(2, "success"), std::pair(4, "failure")})
      calls += "tidemill_inside_calls_total{" + labels(key) + ",result=\"" + result + "\"} " +
               std::to_string(row->by_status_class[std::size_t(status)].load()) + "\n";
    std::snprintf(number, sizeof number, "%.9g", double(row->nanoseconds.load()) / 1e9);
    seconds += "tidemill_inside_call_seconds_total{" + labels(key) + "} " + number + "\n";
  }
  return calls + seconds;
}

std::string Metrics::text(std::string_view extra) const {
  std::string requests =
      "# HELP tidemill_requests_total Requests answered.\n# TYPE tidemill_requests_total counter\n";
  std::string durations =
      "# HELP tidemill_request_duration_seconds Time from a request's head to its response.\n"
      "# TYPE tidemill_request_duration_seconds histogram\n";
  char number[64];
  std::shared_lock lock(mutex_);
  for (const auto& [key, row] : rows_) {
    for (std::size_t i = 1; i <= 5; ++i) {
      std::uint64_t count = row->by_status_class[i].load();
      if (count == 0) continue;
      requests += "tidemill_requests_total{" + labels(key) + ",status=\"" + std::to_string(i) +
                  "xx\"} " + std::to_string(count) + "\n";
    }
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i <= kBuckets.size(); ++i) {
      sum += row->buckets[i].load();
      if (i < kBuckets.size())
        std::snprintf(number, sizeof number, "%g", kBuckets[i]);
      else
        std::snprintf(number, sizeof number, "+Inf");
      durations += "tidemill_request_duration_seconds_bucket{" + labels(key) + ",le=\"" + number +
                   "\"} " + std::to_string(sum) + "\n";
    }
    std::snprintf(number, sizeof number, "%.9g", double(row->nanoseconds.load()) / 1e9);
    durations += "tidemill_request_duration_seconds_sum{" + labels(key) + "} " + number + "\n" +
                 "tidemill_request_duration_seconds_count{" + labels(key) + "} " +
                 std::to_string(sum) + "\n";
  }
  return requests + durations + inside_text() +
         "# HELP process_resident_memory_bytes Resident memory.\n"
         "# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes " +
         std::to_string(resident_bytes()) + "\n" + std::string(extra);
}

}  // namespace tidemill::server
