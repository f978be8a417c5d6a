#include "services/sagemaker/hosting/fleet/health_monitor.h"

#include <functional>

#include "services/platform/metrics/metrics.h"
#include "services/sagemaker/hosting/fleet/fleet.h"

namespace tidemill::services::sagemaker::hosting {
namespace {

namespace runtime_service = sagemaker_runtime;
using Ping = runtime_service::PingAnswer;
using Verdict = ServerHealth::Verdict;

std::string key_of(std::string_view account, std::string_view region, std::string_view name) {
  return std::string(account) + "/" + std::string(region) + "/" + std::string(name);
}

ServerHealth::Work work_of(runtime_service::InstanceLoad& load) {
  ServerHealth::Work work;
  work.under_way = load.in_flight;
  if (work.under_way == 0) load.forget_limits();
  work.answered_at =
      ServerHealth::Clock::time_point(ServerHealth::Clock::duration(load.answered_at));
  work.seconds_max = std::chrono::seconds(load.seconds_max);
  work.queued_seconds_max = std::chrono::seconds(load.queued_seconds_max);
  return work;
}

}  // namespace

struct HealthMonitor::Watched {
  std::string job;
  runtime_service::ServerAddress address;
  bool pings_while_busy = false;
  bool reachable = true;
  // Shared: with the routes. Another one when a neighbour in its pipeline was started again.
  std::shared_ptr<runtime_service::InstanceLoad> load;  // guarded by the monitor's mutex_
  ServerHealth health{ServerHealth::Clock::now()};
  Time asked{};
  std::atomic<bool> gone = false;  // nobody wants to know any more
};

// The answers to pings, for the monitor's thread.
struct HealthMonitor::Answers {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::vector<std::pair<WatchedPointer, Ping>> come;  // guarded by mutex
  std::size_t under_way = 0;                          // guarded by mutex
  bool look = false;                                  // guarded by mutex: somebody new is due
};

void HealthCounters::add_to(platform::MetricRegistry& metrics) const {
  using platform::reading;
  metrics.add({.name = "tidemill_health_pings_total", .help = "Pings of model servers."},
              reading(pings));
  metrics.add(
      {.name = "tidemill_health_pings_failed_total", .help = "Pings of model servers that failed."},
      reading(pings_failed));
  metrics.add({.name = "tidemill_health_pings_busy_total",
               .help = "Pings without an answer from model servers that were at work."},
              reading(pings_busy));
  metrics.add({.name = "tidemill_health_servers_ended_total",
               .help = "Model servers ended because they did not answer."},
              reading(unhealthy));
}

HealthMonitor::HealthMonitor(HealthOptions options)
    : options_(std::move(options)), answers_(std::make_shared<Answers>()) {}

HealthMonitor::~HealthMonitor() { stop(); }

void HealthMonitor::start() {
  if (options_.interval.count() == 0) return;
  scope_.spawn("health", [this](std::stop_token stop) { run(std::move(stop)); });
}

void HealthMonitor::stop() { scope_.stop(); }

// Servers that come at once are not asked at once.
HealthMonitor::Time HealthMonitor::first_look(const std::string& job) const {
  const auto interval =
      std::chrono::duration_cast<ServerHealth::Clock::duration>(options_.interval);
  const double share = double(std::hash<std::string>()(job) % 1024) / 1024;
  return ServerHealth::Clock::now() + interval / 2 +
         std::chrono::duration_cast<ServerHealth::Clock::duration>(interval * (share / 2));
}

void HealthMonitor::watch(const runtime_service::EndpointRoute& route) {
  if (options_.interval.count() == 0) return;
  std::map<std::string, WatchedPointer> servers;
  const auto add = [this, &servers](const std::vector<runtime_service::InstanceRoute>& instances) {
    for (const runtime_service::InstanceRoute& instance : instances)
      for (const runtime_service::ServerRoute& server : instance.servers) {
        if (server.job.empty()) continue;
        auto watched = std::make_shared<Watched>();
        watched->job = server.job;
        watched->address = server.address;
        watched->pings_while_busy = server.pings_while_busy;
        watched->reachable = !options_.is_reachable || options_.is_reachable(server.address);
        watched->load =
            instance.load ? instance.load : std::make_shared<runtime_service::InstanceLoad>();
        servers.emplace(server.job, std::move(watched));
      }
  };
  for (const auto* variants : {&route.variants, &route.shadows, &route.components})
    for (const runtime_service::VariantRoute& variant : *variants) add(variant.instances);
  add(route.leaving);
  replace(key_of(route.account, route.region, route.name), std::move(servers));
}

void HealthMonitor::forget(std::string_view account, std::string_view region,
                           std::string_view endpoint) {
  replace(key_of(account, region, endpoint), {});
}

void HealthMonitor::replace(const std::string& key, std::map<std::string, WatchedPointer> servers) {
  {
    std::lock_guard lock(mutex_);
    auto& before = endpoints_[key];
    for (auto& [job, watched] : servers) {
      if (auto known = before.find(job); known != before.end()) {
        known->second->load = std::move(watched->load);
        watched = std::move(known->second);
        before.erase(known);
      } else {
        due_.emplace(watched->reachable ? first_look(job) : ServerHealth::Clock::now(), watched);
      }
    }
    for (const auto& [job, watched] : before) watched->gone = true;
    if (servers.empty())
      endpoints_.erase(key);
    else
      before = std::move(servers);
  }
  {
    std::lock_guard lock(answers_->mutex);
    answers_->look = true;
  }
  answers_->wake.notify_one();
}

void HealthMonitor::drop(const std::vector<runtime_service::InstanceRoute>& instances) {
  std::lock_guard lock(mutex_);
  for (auto& [key, servers] : endpoints_)
    for (const runtime_service::InstanceRoute& instance : instances)
      for (const runtime_service::ServerRoute& server : instance.servers)
        if (auto known = servers.find(server.job); known != servers.end()) {
          known->second->gone = true;
          servers.erase(known);
        }
  std::erase_if(endpoints_, [](const auto& each) { return each.second.empty(); });
}

std::size_t HealthMonitor::watched() const {
  std::lock_guard lock(mutex_);
  std::size_t all = 0;
  for (const auto& [key, servers] : endpoints_) all += servers.size();
  return all;
}

void HealthMonitor::run(std::stop_token stop) {
  while (!stop.stop_requested()) {
    const Time now = ServerHealth::Clock::now();
    std::vector<WatchedPointer> asked;
    std::size_t room = 0;
    {
      std::lock_guard lock(answers_->mutex);
      room = kPingsUnderWayMax - answers_->under_way;
    }
    Time next = now + options_.interval;
    {
      std::lock_guard lock(mutex_);
      while (!due_.empty() && due_.begin()->first <= now && asked.size() < room) {
        asked.push_back(std::move(due_.begin()->second));
        due_.erase(due_.begin());
      }
      // When no room is left, an answer wakes this thread.
      if (!due_.empty() && asked.size() < room) next = std::min(next, due_.begin()->first);
    }
    for (const WatchedPointer& each : asked) ask(each);
    std::vector<std::pair<WatchedPointer, Ping>> come;
    {
      std::unique_lock lock(answers_->mutex);
      answers_->wake.wait_until(lock, stop, next,
                                [&] { return !answers_->come.empty() || answers_->look; });
      answers_->look = false;
      come.swap(answers_->come);
    }
    for (const auto& [watched, answer] : come)
      if (!stop.stop_requested()) judge(watched, answer);
  }
}

void HealthMonitor::ask(const WatchedPointer& watched) {
  if (watched->gone) return;
  watched->asked = ServerHealth::Clock::now();
  if (!watched->reachable) return give_up(watched);
  counters.pings += 1;
  {
    std::lock_guard lock(answers_->mutex);
    ++answers_->under_way;
  }
  options_.ping(watched->address, [answers = answers_, watched](Ping answer) {
    {
      std::lock_guard lock(answers->mutex);
      --answers->under_way;
      answers->come.emplace_back(watched, std::move(answer));
    }
    answers->wake.notify_one();
  });
}

void HealthMonitor::judge(const WatchedPointer& watched, const Ping& answer) {
  if (watched->gone) return;
  settle(*watched, answer);
  std::lock_guard lock(mutex_);
  due_.emplace(std::max(watched->asked + options_.interval, ServerHealth::Clock::now()), watched);
}

void HealthMonitor::settle(Watched& watched, const Ping& answer) {
  std::shared_ptr<runtime_service::InstanceLoad> load;
  {
    std::lock_guard lock(mutex_);
    load = watched.load;
  }
  ServerHealth::Work work = work_of(*load);
  if (answer.kind == Ping::Kind::silent && !watched.pings_while_busy && work.under_way > 0)
    work.cpu_seconds = options_.cpu_seconds(watched.job);
  const Verdict verdict =
      watched.health.judge(answer, watched.pings_while_busy, work, ServerHealth::Clock::now());
  if (verdict == Verdict::busy) counters.pings_busy += 1;
  if (verdict == Verdict::failing || verdict == Verdict::unhealthy) counters.pings_failed += 1;
  if (verdict == Verdict::unhealthy) report(*load, failed(watched, answer));
}

// One that cannot be asked is started again now, not after three pings that come to nothing.
void HealthMonitor::give_up(const WatchedPointer& watched) {
  std::shared_ptr<runtime_service::InstanceLoad> load;
  {
    std::lock_guard lock(mutex_);
    load = watched->load;
    due_.emplace(watched->asked + options_.interval, watched);
  }
  report(*load, {watched->job,
                 "it was started by an earlier version of this server, which cannot reach it",
                 kSilentStopGrace});
}

UnhealthyServer HealthMonitor::failed(const Watched& watched, const Ping& answer) const {
  UnhealthyServer server;
  server.job = watched.job;
  server.reason = "GET /ping failed " + std::to_string(watched.health.failures()) +
                  " times in a row: " + answer.text;
  server.stop_grace = answer.kind == Ping::Kind::silent
                          ? kSilentStopGrace
                          : std::chrono::seconds(kHostingStopGraceSeconds);
  return server;
}

void HealthMonitor::report(runtime_service::InstanceLoad& load, const UnhealthyServer& server) {
  using runtime_service::Leaving;
  // Set before the process ends, so that callers who wait for its answer learn why there is none.
  Leaving none = Leaving::no;
  const bool first = load.leaving.compare_exchange_strong(none, Leaving::unhealthy);
  if (options_.unhealthy(server)) {
    counters.unhealthy += 1;
  } else if (first) {
    Leaving unhealthy = Leaving::unhealthy;
    load.leaving.compare_exchange_strong(unhealthy, Leaving::no);
  }
}

}  // namespace tidemill::services::sagemaker::hosting
