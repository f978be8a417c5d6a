#include "engine/scheduler.h"

#include <algorithm>

namespace tidemill::engine {

Scheduler::Scheduler(const Clock& clock, Options options,
                     std::function<void(const std::string&)> run, std::function<void()> tick)
    : clock_(clock), options_(options), run_(std::move(run)), tick_(std::move(tick)) {}

Scheduler::~Scheduler() { stop(); }

void Scheduler::start() {
  std::lock_guard lock(mutex_);
  if (running_) return;
  running_ = true;
  if (options_.workers_max == 0) return;
  // Tasks added before the start wait for its threads.
  const std::size_t waiting = std::min(ready_.size(), options_.workers_max);
  while (workers_.size() < waiting) workers_.emplace_back([this] { work(); });
  timekeeper_ = std::thread([this] { keep_time(); });
}

void Scheduler::stop() {
  std::vector<std::thread> threads;
  {
    std::lock_guard lock(mutex_);
    running_ = false;
    threads.swap(workers_);
    if (timekeeper_.joinable()) threads.push_back(std::move(timekeeper_));
  }
  ready_changed_.notify_all();
  timers_changed_.notify_all();
  for (std::thread& thread : threads) thread.join();
  std::lock_guard lock(mutex_);
  tasks_.clear();
  timers_.clear();
  lanes_.clear();
  ready_.clear();
}

void Scheduler::add(std::vector<ScheduledTask> tasks) {
  std::lock_guard lock(mutex_);
  const Timestamp now = clock_.now();
  std::set<std::string> lanes;
  for (ScheduledTask& task : tasks) {
    if (!tasks_.try_emplace(task.key, Known{task.lane, task.due}).second) continue;
    if (task.due > now && !(task.begun && !task.lane.empty())) {
      timers_.emplace(task.due, task.key);
    } else if (task.lane.empty()) {
      make_ready(task.key);
    } else {
      lanes_[task.lane].waiting.insert(task.key);
      lanes.insert(task.lane);
    }
  }
  // Lanes advance only now, because a lane's first task is known when all were added.
  for (const std::string& lane : lanes) advance(lane);
  timers_changed_.notify_one();
}

void Scheduler::finish(const std::string& key) {
  std::lock_guard lock(mutex_);
  const auto task = tasks_.find(key);
  if (task == tasks_.end()) return;
  const std::string lane_name = std::move(task->second.lane);
  tasks_.erase(task);
  if (lane_name.empty()) return;
  lanes_[lane_name].current.clear();
  advance(lane_name);
}

void Scheduler::retry(const std::string& key, Timestamp due) {
  std::lock_guard lock(mutex_);
  const auto task = tasks_.find(key);
  if (task == tasks_.end()) return;
  task->second.due = due;
  timers_.emplace(due, key);
  timers_changed_.notify_one();
}

void Scheduler::poll() {
  tick_();
  std::lock_guard lock(mutex_);
  fire_timers();
}

bool Scheduler::run_one(std::uint64_t choice) {
  std::unique_lock lock(mutex_);
  if (!running_ || ready_.empty()) return false;
  const auto chosen = ready_.begin() + static_cast<std::ptrdiff_t>(choice % ready_.size());
  const std::string key = std::move(*chosen);
  ready_.erase(chosen);
  lock.unlock();
  run_(key);
  return true;
}

void Scheduler::enter(const std::string& key) {
  const std::string& lane_name = tasks_.at(key).lane;
  if (lane_name.empty()) return make_ready(key);
  Lane& lane = lanes_[lane_name];
  if (lane.current == key) return make_ready(key);
  lane.waiting.insert(key);
  advance(lane_name);
}

void Scheduler::advance(const std::string& lane_name) {
  const auto found = lanes_.find(lane_name);
  if (found == lanes_.end() || !found->second.current.empty()) return;
  Lane& lane = found->second;
  if (lane.waiting.empty()) {
    lanes_.erase(found);
    return;
  }
  lane.current = std::move(lane.waiting.extract(lane.waiting.begin()).value());
  const Timestamp due = tasks_.at(lane.current).due;
  if (due > clock_.now()) {
    timers_.emplace(due, lane.current);
  } else {
    make_ready(lane.current);
  }
}

void Scheduler::make_ready(const std::string& key) {
  ready_.push_back(key);
  if (!running_) return;
  if (workers_idle_ < ready_.size() && workers_.size() < options_.workers_max) {
    workers_.emplace_back([this] { work(); });
  } else {
    ready_changed_.notify_one();
  }
}

void Scheduler::fire_timers() {
  const Timestamp now = clock_.now();
  while (!timers_.empty() && timers_.begin()->first <= now) {
    const std::string key = std::move(timers_.extract(timers_.begin()).value().second);
    if (tasks_.contains(key)) enter(key);
  }
}

void Scheduler::keep_time() {
  for (;;) {
    tick_();
    std::unique_lock lock(mutex_);
    if (!running_) return;
    fire_timers();
    std::chrono::microseconds wait = options_.poll_interval;
    if (!timers_.empty()) {
      wait = std::clamp(timers_.begin()->first - clock_.now(), std::chrono::microseconds(0), wait);
    }
    timers_changed_.wait_for(lock, wait);
  }
}

void Scheduler::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++workers_idle_;
    ready_changed_.wait(lock, [&] { return !running_ || !ready_.empty(); });
    --workers_idle_;
    if (!running_) return;
    const std::string key = std::move(ready_.front());
    ready_.pop_front();
    lock.unlock();
    run_(key);
    lock.lock();
  }
}

}  // namespace tidemill::engine
