// How records get from record() into files and S3.
#include "services/sagemaker_runtime/capture/test_recorder.h"

namespace tidemill::services::sagemaker_runtime {
namespace {

using std::chrono::milliseconds;

TEST_F(CaptureRecorder, writes_an_object_soon_after_a_request) {
  auto recorder = start();
  auto route = recorder->open(settings_);
  recorder->record(*route, exchange("1"));
  recorder->record(*route, exchange("2"));
  ASSERT_TRUE(eventually([&] { return captured().size() == 2; }));
  EXPECT_EQ(captured(), (std::vector<std::string>{"1", "2"}));
  auto objects = s3_.objects();
  ASSERT_EQ(objects.size(), 1u);
  EXPECT_TRUE(
      objects.begin()->first.starts_with("bucket/captured/churn/A/2026/01/02/03/04-05-006-"));
  EXPECT_TRUE(objects.begin()->first.ends_with(".jsonl"));
  EXPECT_EQ(s3_.content_types().begin()->second, "application/jsonlines");
  EXPECT_TRUE(eventually([&] { return journals() == 0; }));
  EXPECT_TRUE(eventually([&] { return counts(*recorder, "tidemill_capture_backlog_bytes 0"); }));
  EXPECT_TRUE(counts(*recorder, "tidemill_capture_records_total 2"));
  EXPECT_TRUE(counts(*recorder, "tidemill_capture_object_records_total 2"));
  EXPECT_TRUE(counts(*recorder, "tidemill_capture_objects_total 1"));
  EXPECT_TRUE(counts(*recorder, "tidemill_capture_queued_bytes 0"));
}

TEST_F(CaptureRecorder, samples_the_share_that_is_asked_for) {
  Recorder recorder(roles_, *random_, options_);
  for (int percentage : {0, 1, 10, 37, 50, 99, 100}) {
    settings_.sampling_percentage = percentage;
    auto route = recorder.open(settings_);
    int taken = 0;
    for (int i = 0; i < 10'000; ++i) taken += route->sample();
    EXPECT_NEAR(taken, percentage * 100, percentage % 100 == 0 ? 0 : 5) << percentage;
  }
}

TEST_F(CaptureRecorder, samples_evenly_over_short_runs) {
  Recorder recorder(roles_, *random_, options_);
  settings_.sampling_percentage = 25;
  auto route = recorder.open(settings_);
  for (int run = 0; run < 50; ++run) {
    int taken = 0;
    for (int i = 0; i < 40; ++i) taken += route->sample();
    EXPECT_NEAR(taken, 10, 2);
  }
}

TEST_F(CaptureRecorder, keeps_one_route_for_equal_settings) {
  auto recorder = start();
  auto first = recorder->open(settings_), second = recorder->open(settings_);
  EXPECT_EQ(first, second);
  CaptureSettings other = settings_;
  other.sampling_percentage = 5;
  EXPECT_NE(recorder->open(other), first);
}

TEST_F(CaptureRecorder, closes_the_file_when_its_route_is_gone) {
  options_.idle_rotation = std::chrono::hours(1);
  auto recorder = start();
  auto route = recorder->open(settings_);
  recorder->record(*route, exchange("last"));
  route.reset();
  EXPECT_TRUE(eventually([&] { return captured() == std::vector<std::string>{"last"}; }));
}

TEST_F(CaptureRecorder, closes_a_busy_file_in_time) {
  options_.idle_rotation = std::chrono::hours(1);
  options_.busy_rotation = milliseconds(50);
  auto recorder = start();
  auto route = recorder->open(settings_);
  EXPECT_TRUE(eventually([&] {
    recorder->record(*route, exchange("again"));
    return s3_.objects().size() >= 3;
  }));
}

TEST_F(CaptureRecorder, closes_a_full_file) {
  options_.rotation_bytes = 4'000;
  auto recorder = start();
  auto route = recorder->open(settings_);
  for (int i = 0; i < 20; ++i) recorder->record(*route, exchange(std::string(500, 'x')));
  ASSERT_TRUE(eventually([&] { return captured().size() == 20; }));
  // A line has a bit over 800 bytes, the header about 130: five lines fit into a file.
  EXPECT_EQ(s3_.objects().size(), 4u);
}

TEST_F(CaptureRecorder, begins_a_file_with_the_hour) {
  options_.idle_rotation = std::chrono::hours(1);
  auto recorder = start();
  auto route = recorder->open(settings_);
  recorder->record(*route, exchange("at three"));
  clock_.advance(std::chrono::hours(1));
  recorder->record(*route, exchange("at four"));
  recorder->stop();
  auto objects = s3_.objects();
  ASSERT_EQ(objects.size(), 2u);
  EXPECT_NE(objects.begin()->first.find("/2026/01/02/03/04-05-006-"), std::string::npos);
  EXPECT_NE(objects.begin()->second.find("at three"), std::string::npos);
  EXPECT_NE(objects.rbegin()->first.find("/2026/01/02/04/04-05-006-"), std::string::npos);
  EXPECT_NE(objects.rbegin()->second.find("at four"), std::string::npos);
}

}  // namespace
}  // namespace tidemill::services::sagemaker_runtime
