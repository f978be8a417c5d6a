// For tests: a recorder with a folder of its own that writes and closes files quickly.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "base/json.h"
#include "base/test_eventually.h"
#include "blobs/test_folder.h"
#include "services/platform/metrics/test_metrics.h"
#include "services/sagemaker_runtime/capture/recorder.h"
#include "services/sagemaker_runtime/capture/test_capture.h"

namespace tidemill::services::sagemaker_runtime {

class CaptureRecorder : public testing::Test {
 protected:
  CaptureRecorder() {
    options_.directory = folder_.path() + "/capture";
    options_.write_interval = std::chrono::milliseconds(5);
    options_.sync_interval = std::chrono::milliseconds(20);
    options_.idle_rotation = std::chrono::milliseconds(30);
    options_.retry_delay = std::chrono::milliseconds(10);
  }

  std::unique_ptr<Recorder> start() {
    auto recorder = std::make_unique<Recorder>(roles_, *random_, options_);
    Result<void> started = recorder->start();
    EXPECT_TRUE(started) << started.error().message;
    return recorder;
  }
  CapturedExchange exchange(const std::string& body) {
    CapturedExchange out;
    out.request_content_type = out.response_content_type = "text/csv";
    out.request_body = body;
    out.response_body = "0.5";
    out.time = clock_.now();
    return out;
  }
  // The request bodies of all objects, ordered by key.
  std::vector<std::string> captured() { return bodies(s3_); }
  static std::vector<std::string> bodies(TestS3& s3) {
    std::vector<std::string> out;
    for (const auto& [key, text] : s3.objects()) {
      std::istringstream lines(text);
      for (std::string line; std::getline(lines, line);) {
        Result<Value> parsed = parse_json(line);
        EXPECT_TRUE(parsed) << line;
        if (!parsed) continue;
        out.push_back(
            *parsed->find("captureData")->find("endpointInput")->find("data")->as_string());
      }
    }
    return out;
  }
  std::size_t journals() {
    std::size_t count = 0;
    std::error_code ignored;
    for (const auto& each : std::filesystem::directory_iterator(options_.directory, ignored))
      count += each.path().extension() == ".jsonl";
    return count;
  }
  static bool counts(const Recorder& recorder, const std::string& line) {
    return platform::metrics_text(recorder).find(line + "\n") != std::string::npos;
  }

  blobs::TestFolder folder_;
  TestS3 s3_{{"bucket"}};
  // A test sets may_put_ before it starts a recorder.
  TestRoles::Check may_put_;
  TestRoles roles_{s3_, [this](const s3::RoleSession& session, const std::string& object) {
                     return may_put_ ? may_put_(session, object) : Result<void>();
                   }};
  ManualClock clock_{*parse_iso8601("2026-01-02T03:04:05.006Z")};
  std::unique_ptr<Random> random_ = make_seeded_random(7);
  CaptureSettings settings_ = test_capture_settings();
  RecorderOptions options_;
};

}  // namespace tidemill::services::sagemaker_runtime
