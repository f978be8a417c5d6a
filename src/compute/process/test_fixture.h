// Shared by the tests of the process driver.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "compute/conformance/test_listener.h"
#include "compute/process/process_compute.h"

namespace tidemill::compute {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

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
    options.volumes_directory = directory;
    options.shim_command = {"/proc/self/exe", "shim"};
    return options;
  }
  void open() {
    auto made = make_process_driver(options_in(directory_), clock_);
    ASSERT_TRUE(made) << made.error().message;
    compute_ = *std::move(made);
    ASSERT_TRUE(compute_->adopt(listener_));
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
  std::unique_ptr<ProcessDriver> compute_;
};

}  // namespace tidemill::compute
