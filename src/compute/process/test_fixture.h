// Shared by the tests of the process back end.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "compute/process/process_compute.h"

namespace tidemill::compute {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Whether any process of this machine has the word in its command line.
inline bool runs_somewhere(const std::string& word) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/proc", ignored)) {
    std::ifstream file(entry.path() / "cmdline");
    const std::string line{std::istreambuf_iterator<char>(file), {}};
    if (line.contains(word)) return true;
  }
  return false;
}

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

class ProcessComputeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/tidemill_compute_XXXXXX";
    directory_ = ::mkdtemp(name);
    ::chmod(directory_.c_str(), 0755);
    open();
  }
  void TearDown() override {
    if (compute_) compute_->stop_watching();
    compute_.reset();
    fs::remove_all(directory_);
  }
  static ProcessOptions options_in(const fs::path& directory) {
    ProcessOptions options;
    options.directory = directory / "jobs";
    options.shim_command = {"/proc/self/exe", "shim"};
    return options;
  }
  void open() {
    auto made = make_process_compute(options_in(directory_), clock_);
    ASSERT_TRUE(made) << made.error().message;
    compute_ = *std::move(made);
    ASSERT_TRUE(compute_->start(listener_));
  }
  static JobSpec script(const std::string& id, const std::string& text) {
    JobSpec spec;
    spec.id = id;
    spec.command = {"/bin/sh", "-c", text};
    spec.working_directory = "/";
    return spec;
  }
  JobExit run(const JobSpec& spec) {
    Result<void> started = compute_->run(spec);
    EXPECT_TRUE(started) << started.error().message;
    return listener_.wait_exit(spec.id);
  }
  fs::path make_folder(const std::string& name) {
    fs::create_directories(directory_ / name);
    return directory_ / name;
  }

  SystemClock clock_;
  Listener listener_;
  fs::path directory_;
  std::unique_ptr<Compute> compute_;
};

}  // namespace tidemill::compute
