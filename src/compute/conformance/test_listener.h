// A listener that keeps what it is told and lets a test wait for it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "compute/compute.h"

namespace tidemill::compute {

using std::chrono::seconds;

class Listener final : public JobListener {
 public:
  void job_exited(const std::string& id, const JobExit& exit) override {
    std::lock_guard lock(mutex_);
    exits_[id] = exit;
    changed_.notify_all();
  }
  bool job_logged(const std::string& id, const std::vector<LogLine>& lines) override {
    std::lock_guard lock(mutex_);
    if (refuse_ > 0) {
      --refuse_;
      return false;
    }
    EXPECT_FALSE(exits_.contains(id)) << "a line after the exit";
    for (const LogLine& line : lines) lines_[id].push_back(line.text);
    changed_.notify_all();
    return true;
  }
  JobExit wait_exit(const std::string& id, seconds at_most = seconds(20)) {
    std::unique_lock lock(mutex_);
    const bool came = changed_.wait_for(lock, at_most, [&] { return exits_.contains(id); });
    EXPECT_TRUE(came) << "no exit of " << id;
    return exits_[id];
  }
  void wait_line(const std::string& id, const std::string& text) {
    std::unique_lock lock(mutex_);
    const bool came = changed_.wait_for(lock, seconds(20), [&] {
      return std::find(lines_[id].begin(), lines_[id].end(), text) != lines_[id].end();
    });
    EXPECT_TRUE(came) << "no line " << text;
  }
  std::vector<std::string> lines(const std::string& id) {
    std::lock_guard lock(mutex_);
    return lines_[id];
  }
  void refuse(int times) { refuse_ = times; }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, JobExit> exits_;
  std::map<std::string, std::vector<std::string>> lines_;
  int refuse_ = 0;
};

}  // namespace tidemill::compute
