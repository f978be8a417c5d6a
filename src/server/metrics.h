// Counts requests, and calls from inside the server, in the registry of metrics.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <shared_mutex>
#include <string>
#include <string_view>

#include "services/platform/metrics/metrics.h"

namespace tidemill::server {

// Thread-safe. One row per operation, made at its first request; later only atomics change.
class Metrics {
 public:
  // Borrows the registry.
  explicit Metrics(services::platform::MetricRegistry& registry);

  void record(std::string_view service, std::string_view operation, int status,
              std::chrono::nanoseconds duration);
  // Records a call from inside the server (Dispatcher::call).
  void record_inside(std::string_view service, std::string_view operation, bool succeeded,
                     std::chrono::nanoseconds duration);

  // Upper bounds of the latency histogram in seconds; the last bucket is +Inf.
  static constexpr std::array<double, 10> kBuckets = {0.0001, 0.0005, 0.001, 0.005, 0.01,
                                                      0.05,   0.1,    0.5,   1,     10};

 private:
  struct Row {
    // A counter for each first digit of the status, made at the first request that needs it.
    std::array<std::atomic<services::platform::Counter*>, 6> by_status_class{};
    services::platform::Histogram* duration = nullptr;
  };
  struct InsideRow {
    services::platform::Counter* succeeded = nullptr;
    services::platform::Counter* failed = nullptr;
    std::atomic<std::uint64_t> nanoseconds{0};
  };
  using Names = std::pair<std::string_view, std::string_view>;
  struct Less {
    using is_transparent = void;
    bool operator()(const Names& a, const Names& b) const { return a < b; }
  };
  template <class Any>
  using Rows = std::map<std::pair<std::string, std::string>, std::unique_ptr<Any>, Less>;
  template <class Any>
  Any& row(Rows<Any>& rows, std::string_view service, std::string_view operation);
  void make(Row& row, const services::platform::MetricLabels& labels);
  void make(InsideRow& row, const services::platform::MetricLabels& labels);

  services::platform::MetricRegistry& registry_;
  mutable std::shared_mutex mutex_;
  Rows<Row> rows_;          // guarded by mutex_; the rows' own members are not
  Rows<InsideRow> inside_;  // likewise
};

}  // namespace tidemill::server
