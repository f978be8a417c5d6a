#include "server/metrics.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <mutex>

namespace tidemill::server {
namespace {

using services::platform::Counter;
using services::platform::MetricKind;
using services::platform::MetricLabels;
using services::platform::MetricSpec;

double resident_bytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  if (!file) return 0;
  unsigned long long total = 0, resident = 0;
  int fields = std::fscanf(file, "%llu %llu", &total, &resident);
  std::fclose(file);
  return fields == 2 ? double(resident) * double(sysconf(_SC_PAGESIZE)) : 0;
}

MetricLabels labels_of(std::string_view service, std::string_view operation) {
  return {{"service", std::string(service)}, {"operation", std::string(operation)}};
}

MetricLabels with(MetricLabels labels, const char* name, std::string value) {
  labels.emplace_back(name, std::move(value));
  return labels;
}

MetricSpec requests_spec() {
  return {.name = "tidemill_requests_total", .help = "Requests answered."};
}

}  // namespace

Metrics::Metrics(services::platform::MetricRegistry& registry) : registry_(registry) {
  registry_.add({.name = "process_resident_memory_bytes",
                 .kind = MetricKind::gauge,
                 .help = "Resident memory."},
                resident_bytes);
}

template <class Any>
Any& Metrics::row(Rows<Any>& rows, std::string_view service, std::string_view operation) {
  {
    std::shared_lock lock(mutex_);
    auto found = rows.find(Names(service, operation));
    if (found != rows.end()) return *found->second;
  }
  std::unique_lock lock(mutex_);
  auto [found, made] = rows.try_emplace({std::string(service), std::string(operation)});
  if (made) {
    found->second = std::make_unique<Any>();
    make(*found->second, labels_of(service, operation));
  }
  return *found->second;
}

void Metrics::make(Row& row, const MetricLabels& labels) {
  row.duration = &registry_.histogram({.name = "tidemill_request_duration_seconds",
                                       .kind = MetricKind::histogram,
                                       .help = "Time from a request's head to its response."},
                                      {kBuckets.begin(), kBuckets.end()}, labels);
}

void Metrics::make(InsideRow& row, const MetricLabels& labels) {
  const MetricSpec calls{.name = "tidemill_inside_calls_total",
                         .help = "Calls from inside the server, as a role or a service."};
  row.succeeded = &registry_.counter(calls, with(labels, "result", "success"));
  row.failed = &registry_.counter(calls, with(labels, "result", "failure"));
  registry_.add(
      {.name = "tidemill_inside_call_seconds_total",
       .help = "The time that calls from inside the server took."},
      [&row] { return double(row.nanoseconds.load()) / 1e9; }, labels);
}

void Metrics::record(std::string_view service, std::string_view operation, int status,
                     std::chrono::nanoseconds duration) {
  Row& to = row(rows_, service, operation);
  const int digit = std::clamp(status / 100, 0, 5);
  std::atomic<Counter*>& counter = to.by_status_class[std::size_t(digit)];
  // Two threads may both ask for it: the registry gives them the same one.
  if (!counter.load(std::memory_order_acquire))
    counter.store(&registry_.counter(requests_spec(), with(labels_of(service, operation), "status",
                                                           std::to_string(digit) + "xx")),
                  std::memory_order_release);
  counter.load(std::memory_order_acquire)->add();
  to.duration->observe(std::chrono::duration<double>(duration).count());
}

void Metrics::record_inside(std::string_view service, std::string_view operation, bool succeeded,
                            std::chrono::nanoseconds duration) {
  InsideRow& to = row(inside_, service, operation);
  (succeeded ? to.succeeded : to.failed)->add();
  to.nanoseconds.fetch_add(std::uint64_t(duration.count()), std::memory_order_relaxed);
}

}  // namespace tidemill::server
