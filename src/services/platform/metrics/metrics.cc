#include "services/platform/metrics/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "base/log.h"

namespace tidemill::services::platform {
namespace {

[[noreturn]] void abort_with(const char* what, const std::string& name) {
  log::error(what, {{"metric", name}});
  std::abort();
}

bool valid_name(std::string_view name) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
  constexpr std::string_view kDigits = "0123456789";
  return !name.empty() && kLetters.contains(name[0]) && std::ranges::all_of(name, [&](char c) {
    return kLetters.contains(c) || kDigits.contains(c);
  });
}

const char* word_of(MetricKind kind) {
  switch (kind) {
    case MetricKind::counter:
      return "counter";
    case MetricKind::gauge:
      return "gauge";
    case MetricKind::histogram:
      return "histogram";
  }
  return "untyped";
}

// Whole numbers in full, so that counters stay exact; others with nine digits.
std::string number(double value) {
  constexpr double kExactMax = 9'007'199'254'740'992;  // 2^53
  if (std::trunc(value) == value && std::abs(value) <= kExactMax)
    return fmt::format("{}", std::int64_t(value));
  return fmt::format("{:.9g}", value);
}

std::string escaped(std::string_view text, bool quotes) {
  std::string out;
  for (char c : text) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '\\' || (quotes && c == '"')) out += '\\';
    out += c;
  }
  return out;
}

// `{a="1",b="2"}`; "" for none.
std::string text_of(const MetricLabels& labels, std::string_view bound = {}) {
  std::string out;
  for (const auto& [name, value] : labels)
    out += fmt::format("{}{}=\"{}\"", out.empty() ? "" : ",", name, escaped(value, true));
  if (!bound.empty()) out += fmt::format("{}le=\"{}\"", out.empty() ? "" : ",", bound);
  return out.empty() ? out : "{" + out + "}";
}

void append_histogram(std::string& out, const std::string& name, const MetricSample& sample) {
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < sample.counts.size(); ++i) {
    below += sample.counts[i];
    const std::string bound =
        i < sample.bounds.size() ? fmt::format("{:g}", sample.bounds[i]) : "+Inf";
    out += fmt::format("{}_bucket{} {}\n", name, text_of(sample.labels, bound), below);
  }
  out += fmt::format("{0}_sum{1} {2:.9g}\n{0}_count{1} {3}\n", name, text_of(sample.labels),
                     sample.value, below);
}

}  // namespace

Histogram::Histogram(std::vector<double> bounds)
    : bounds_(std::move(bounds)), counts_(bounds_.size() + 1) {}

void Histogram::observe(double value) {
  const auto bucket = std::ranges::lower_bound(bounds_, value) - bounds_.begin();
  counts_[std::size_t(bucket)].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

std::vector<std::uint64_t> Histogram::counts() const {
  std::vector<std::uint64_t> out;
  for (const auto& count : counts_) out.push_back(count.load(std::memory_order_relaxed));
  return out;
}

struct MetricRegistry::Series {
  MetricLabels labels;
  std::unique_ptr<Counter> counter;
  std::unique_ptr<Gauge> gauge;
  std::unique_ptr<Histogram> histogram;
  std::function<double()> read;

  MetricSample sample() const {
    MetricSample out{labels};
    if (counter) out.value = double(counter->value());
    if (gauge) out.value = double(gauge->value());
    if (read) out.value = read();
    if (histogram) {
      out.value = histogram->sum();
      out.bounds = histogram->bounds();
      out.counts = histogram->counts();
    }
    return out;
  }
};

struct MetricRegistry::Family {
  MetricSpec spec;
  std::vector<std::unique_ptr<Series>> series;
  std::function<std::vector<MetricSample>()> read;
};

MetricRegistry::MetricRegistry() = default;
MetricRegistry::~MetricRegistry() = default;

// Call both with mutex_ held.
MetricRegistry::Family& MetricRegistry::family(const MetricSpec& spec) {
  if (auto found = by_name_.find(spec.name); found != by_name_.end()) {
    if (found->second->spec.kind != spec.kind || found->second->read)
      abort_with("a metric is registered again as another kind", spec.name);
    return *found->second;
  }
  if (!valid_name(spec.name)) abort_with("a metric's name is malformed", spec.name);
  families_.push_back(std::make_unique<Family>(Family{spec, {}, {}}));
  by_name_.emplace(spec.name, families_.back().get());
  return *families_.back();
}

MetricRegistry::Series& MetricRegistry::series(const MetricSpec& spec, const MetricLabels& labels) {
  Family& of = family(spec);
  for (const auto& each : of.series)
    if (each->labels == labels) return *each;
  for (const auto& [name, value] : labels)
    if (!valid_name(name)) abort_with("a label's name is malformed", spec.name + " " + name);
  of.series.push_back(std::make_unique<Series>());
  of.series.back()->labels = labels;
  return *of.series.back();
}

Counter& MetricRegistry::counter(const MetricSpec& spec, const MetricLabels& labels) {
  std::lock_guard lock(mutex_);
  Series& one = series(spec, labels);
  if (spec.kind != MetricKind::counter || one.read)
    abort_with("a metric is not a counter", spec.name);
  if (!one.counter) one.counter = std::make_unique<Counter>();
  return *one.counter;
}

Gauge& MetricRegistry::gauge(const MetricSpec& spec, const MetricLabels& labels) {
  std::lock_guard lock(mutex_);
  Series& one = series(spec, labels);
  if (spec.kind != MetricKind::gauge || one.read) abort_with("a metric is not a gauge", spec.name);
  if (!one.gauge) one.gauge = std::make_unique<Gauge>();
  return *one.gauge;
}

Histogram& MetricRegistry::histogram(const MetricSpec& spec, std::vector<double> bounds,
                                     const MetricLabels& labels) {
  std::lock_guard lock(mutex_);
  Series& one = series(spec, labels);
  if (spec.kind != MetricKind::histogram || !std::ranges::is_sorted(bounds))
    abort_with("a metric is not a histogram", spec.name);
  if (!one.histogram) one.histogram = std::make_unique<Histogram>(std::move(bounds));
  return *one.histogram;
}

void MetricRegistry::add(const MetricSpec& spec, std::function<double()> read,
                         const MetricLabels& labels) {
  std::lock_guard lock(mutex_);
  Series& one = series(spec, labels);
  if (spec.kind == MetricKind::histogram || one.read || one.counter || one.gauge)
    abort_with("a metric is registered twice", spec.name);
  one.read = std::move(read);
}

void MetricRegistry::add_family(const MetricSpec& spec,
                                std::function<std::vector<MetricSample>()> read) {
  std::lock_guard lock(mutex_);
  Family& of = family(spec);
  if (!of.series.empty()) abort_with("a metric is registered twice", spec.name);
  of.read = std::move(read);
}

// Reads without the lock, because readers take locks of their own.
std::vector<MetricFamily> MetricRegistry::collect() const {
  struct Found {
    const Family* family;
    std::vector<const Series*> series;
  };
  std::vector<Found> found;
  {
    std::lock_guard lock(mutex_);
    for (const auto& each : families_) {
      found.push_back({each.get(), {}});
      for (const auto& one : each->series) found.back().series.push_back(one.get());
    }
  }
  std::vector<MetricFamily> out;
  for (const Found& each : found) {
    MetricFamily family{each.family->spec, {}};
    if (each.family->read) family.samples = each.family->read();
    for (const Series* one : each.series) family.samples.push_back(one->sample());
    out.push_back(std::move(family));
  }
  return out;
}

std::string MetricRegistry::text() const {
  std::string out;
  for (const MetricFamily& family : collect()) {
    const MetricSpec& spec = family.spec;
    std::string help = spec.help;
    if (!spec.aws_name.empty())
      help += fmt::format("{}CloudWatch: {} {}.", help.empty() ? "" : " ", spec.aws_namespace,
                          spec.aws_name);
    if (!help.empty()) out += fmt::format("# HELP {} {}\n", spec.name, escaped(help, false));
    out += fmt::format("# TYPE {} {}\n", spec.name, word_of(spec.kind));
    for (const MetricSample& sample : family.samples) {
      if (spec.kind == MetricKind::histogram)
        append_histogram(out, spec.name, sample);
      else
        out += fmt::format("{}{} {}\n", spec.name, text_of(sample.labels), number(sample.value));
    }
  }
  return out;
}

}  // namespace tidemill::services::platform
