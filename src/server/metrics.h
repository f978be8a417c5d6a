// Counters of what the server did, and their Prometheus text (GET /_tidemill/metrics).
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

namespace tidemill::server {

// Thread-safe. One row an operation, made at its first request; afterwards only atomics move.
class Metrics {
 public:
  void record(std::string_view service, std::string_view operation, int status,
              std::chrono::nanoseconds duration);
  // A call from inside the server (Dispatcher::call).
  void record_inside(std::string_view service, std::string_view operation, bool succeeded,
                     std::chrono::nanoseconds duration);
  // Text exposition format 0.0.4. `extra` is appended: counters that others keep.
  std::string text(std::string_view extra) const;

  // Upper bounds of the latency histogram, seconds; the last bucket is +Inf.
  static constexpr std::array<double, 10> kBuckets = {0.0001, 0.0005, 0.001, 0.005, 0.01,
                                                      0.05,   0.1,    0.5,   1,     10};

 private:
  struct Row {
    std::array<std::atomic<std::uint64_t>, 6> by_status_class{};  // 1xx .. 5xx
    std::array<std::atomic<std::uint64_t>, kBuckets.size() + 1> buckets{};
    std::atomic<std::uint64_t> nanoseconds{0};
  };
  using Names = std::pair<std::string_view, std::string_view>;
  struct Less {
    using is_transparent = void;
    bool operator()(const Names& a, const Names& b) const { return a < b; }
  };
  using Rows = std::map<std::pair<std::string, std::string>, std::unique_ptr<Row>, Less>;
  Row& row(Rows& rows, std::string_view service, std::string_view operation);
  std::string inside_text() const;

  mutable std::shared_mutex mutex_;
  Rows rows_;    // guarded by mutex_; the rows' own members are not
  Rows inside_;  // guarded by mutex_; of calls from inside: 2xx and 4xx only
};

}  // namespace tidemill::server
