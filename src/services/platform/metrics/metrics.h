// The server's metrics: registered counters, gauges and histograms, with Prometheus's names and,
// where AWS has the same metric, CloudWatch's. /_tidemill/metrics shows all of them as text.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tidemill::services::platform {

enum class MetricKind : std::uint8_t { counter, gauge, histogram };

struct MetricSpec {
  std::string name;  // "tidemill_invocations_total"
  MetricKind kind = MetricKind::counter;
  std::string help = {};  // a sentence
  // "AWS/SageMaker" and "Invocations"; both empty: CloudWatch has no such metric.
  std::string aws_namespace = {}, aws_name = {};
};

// In the order in which they are shown.
using MetricLabels = std::vector<std::pair<std::string, std::string>>;

// Only grows. Thread-safe, as are the next two.
class Counter {
 public:
  void add(std::uint64_t amount = 1) { value_.fetch_add(amount, std::memory_order_relaxed); }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

class Gauge {
 public:
  void set(std::int64_t value) { value_.store(value, std::memory_order_relaxed); }
  void add(std::int64_t amount) { value_.fetch_add(amount, std::memory_order_relaxed); }
  std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

class Histogram {
 public:
  // The buckets' upper bounds, rising; one more bucket has no bound.
  explicit Histogram(std::vector<double> bounds);
  void observe(double value);

  const std::vector<double>& bounds() const { return bounds_; }
  // The count of each bucket by itself, not summed up; the unbounded bucket is the last.
  std::vector<std::uint64_t> counts() const;
  double sum() const { return sum_.load(std::memory_order_relaxed); }

 private:
  const std::vector<double> bounds_;
  std::vector<std::atomic<std::uint64_t>> counts_;
  std::atomic<double> sum_{0};
};

// A metric with one set of labels, at the moment of asking.
struct MetricSample {
  MetricLabels labels;
  double value = 0;  // of a histogram: the sum
  std::vector<double> bounds = {};
  std::vector<std::uint64_t> counts = {};
};

struct MetricFamily {
  MetricSpec spec;
  std::vector<MetricSample> samples;
};

// Thread-safe. Metrics are never removed: what labels can be must be bounded.
class MetricRegistry {
 public:
  MetricRegistry();
  ~MetricRegistry();

  // The metric of the name and labels, made at the first call; it lives as long as the registry. A
  // name that another kind has already aborts, as does a malformed one.
  Counter& counter(const MetricSpec& spec, const MetricLabels& labels = {});
  Gauge& gauge(const MetricSpec& spec, const MetricLabels& labels = {});
  Histogram& histogram(const MetricSpec& spec, std::vector<double> bounds,
                       const MetricLabels& labels = {});
  // A counter or gauge that its owner keeps: `read` is called when somebody asks, on any thread.
  void add(const MetricSpec& spec, std::function<double()> read, const MetricLabels& labels = {});
  // The same for a family whose labels come and go. The name must be new.
  void add_family(const MetricSpec& spec, std::function<std::vector<MetricSample>()> read);

  // In the order of registration.
  std::vector<MetricFamily> collect() const;
  // Prometheus's text exposition format 0.0.4.
  std::string text() const;

 private:
  struct Series;
  struct Family;
  Family& family(const MetricSpec& spec);
  Series& series(const MetricSpec& spec, const MetricLabels& labels);

  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Family>> families_;  // guarded by mutex_
  std::map<std::string, Family*, std::less<>> by_name_;
};

// A value that may be loaded, as std::atomic<std::uint64_t>, as a function for add().
template <class Atomic>
std::function<double()> reading(const Atomic& value) {
  return [&value] { return double(value.load(std::memory_order_relaxed)); };
}

}  // namespace tidemill::services::platform
