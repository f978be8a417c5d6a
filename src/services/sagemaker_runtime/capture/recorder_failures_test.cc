// The fate of records through stops, full queues, full disks, a slow S3 and kills.
#include <signal.h>
#include <sys/resource.h>

#include <fstream>
#include <future>

#include "services/sagemaker_runtime/capture/test_recorder.h"

namespace tidemill::services::sagemaker_runtime {
namespace {

using std::chrono::milliseconds;
namespace fs = std::filesystem;

TEST_F(CaptureRecorder, stop_brings_everything_to_s3) {
  options_.idle_rotation = std::chrono::hours(1);
  auto recorder = start();
  auto route = recorder->open(settings_);
  recorder->record(*route, exchange("1"));
  recorder->stop();
  EXPECT_EQ(captured(), std::vector<std::string>{"1"});
  recorder->record(*route, exchange("too late"));
  Result<void> outcome;
  recorder->record_durably(*route, exchange("too late"),
                           [&](Result<void> result) { outcome = std::move(result); });
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, codes::kCancelled);
  EXPECT_TRUE(counts(*recorder, "tidemill_capture_dropped_total{reason=\"stopped\"} 2"));
}

TEST_F(CaptureRecorder, a_route_may_outlive_the_recorder) {
  auto recorder = start();
  auto route = recorder->open(settings_);
  recorder->record(*route, exchange("1"));
  recorder.reset();
  route.reset();
  EXPECT_EQ(captured().size(), 1u);
}

TEST_F(CaptureRecorder, waits_for_a_bucket_that_is_missing) {
  settings_.bucket = "later";
  auto recorder = start();
  auto route = recorder->open(settings_);
  recorder->record(*route, exchange("1"));
  ASSERT_TRUE(eventually([&] { return s3_.puts() >= 3; }));
  EXPECT_EQ(journals(), 1u);
  s3_.add_bucket("later");
  EXPECT_TRUE(eventually([&] { return captured().size() == 1; }));
}

TEST_F(CaptureRecorder, writes_as_the_role) {
  std::atomic<bool> allowed = false;
  std::atomic<int> asked = 0;
  may_put_ = [&](const s3::RoleSession& as, const std::string& object) -> Result<void> {
    EXPECT_EQ(as.role_arn, "arn:aws:iam::123456789012:role/model");
    EXPECT_EQ(as.session_name, "SageMaker");
    EXPECT_EQ(as.account, "123456789012");
    EXPECT_EQ(as.region, "us-east-1");
    EXPECT_EQ(as.since, Timestamp{5});
    EXPECT_TRUE(object.starts_with("bucket/captured/churn/A/2026/01/02/03/04-05-006-"));
    ++asked;
    if (!allowed) return fail("AccessDenied", "the role may not");
    return {};
  };
  settings_.role_arn = "arn:aws:iam::123456789012:role/model";
  settings_.role_since = Timestamp{5};
  auto recorder = start();
  auto route = recorder->open(settings_);
  recorder->record(*route, exchange("1"));
  ASSERT_TRUE(eventually([&] { return asked >= 2; }));
  EXPECT_TRUE(captured().empty());
  allowed = true;
  EXPECT_TRUE(eventually([&] { return captured().size() == 1; }));
}

TEST_F(CaptureRecorder, a_step_of_the_wall_clock_drops_nothing) {
  settings_.bucket = "later";
  for (const auto step : {std::chrono::hours(24 * 365 * 73), -std::chrono::hours(24 * 365 * 20)}) {
    auto recorder = start();
    auto route = recorder->open(settings_);
    const int before = s3_.puts();
    recorder->record(*route, exchange("1"));
    ASSERT_TRUE(eventually([&] { return s3_.puts() > before; }));
    clock_.advance(step);
    const int tried = s3_.puts();
    ASSERT_TRUE(eventually([&] { return s3_.puts() >= tried + 2; }));
    EXPECT_TRUE(counts(*recorder, "tidemill_capture_dropped_total{reason=\"upload\"} 0"));
    EXPECT_GE(journals(), 1u);
  }
}

TEST_F(CaptureRecorder, gives_a_missing_bucket_up_after_a_day) {
  settings_.bucket = "never";
  options_.upload_age_max = std::chrono::milliseconds(200);
  auto recorder = start();
  auto route = recorder->open(settings_);
  recorder->record(*route, exchange("1"));
  recorder->record(*route, exchange("2"));
  ASSERT_TRUE(eventually([&] { return s3_.puts() >= 1; }));
  EXPECT_TRUE(eventually(
      [&] { return counts(*recorder, "tidemill_capture_dropped_total{reason=\"upload\"} 2"); }));
  EXPECT_TRUE(eventually([&] { return journals() == 0; }));
}

TEST_F(CaptureRecorder, drops_what_the_queue_cannot_take) {
  options_.queued_bytes_max = 10'000;
  Recorder recorder(roles_, *random_, options_);  // not started, so nothing leaves the queue
  auto route = recorder.open(settings_);
  for (int i = 0; i < 5; ++i) recorder.record(*route, exchange(std::string(3'000, 'x')));
  EXPECT_TRUE(counts(recorder, "tidemill_capture_dropped_total{reason=\"queue_full\"} 2"));
  Result<void> outcome;
  recorder.record_durably(*route, exchange(std::string(3'000, 'x')),
                          [&](Result<void> result) { outcome = std::move(result); });
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, codes::kOverloaded);
}

TEST_F(CaptureRecorder, drops_what_the_backlog_cannot_take) {
  options_.backlog_bytes_max = 3'000;
  options_.write_interval = milliseconds(1);
  settings_.bucket = "missing";
  auto recorder = start();
  auto route = recorder->open(settings_);
  int given = 0;
  ASSERT_TRUE(eventually([&] {
    recorder->record(*route, exchange(std::string(200, 'x')));
    ++given;
    return platform::metrics_text(*recorder).find("{reason=\"backlog_full\"} 0\n") ==
           std::string::npos;
  }));
  // About six of these lines make 3,000 bytes.
  EXPECT_GE(given, 5);
  EXPECT_TRUE(counts(*recorder, "tidemill_capture_dropped_total{reason=\"queue_full\"} 0"));
}

TEST_F(CaptureRecorder, a_slow_s3_holds_nobody_up) {
  s3_.hold(true);
  options_.rotation_bytes = 1'000;
  auto recorder = start();
  auto route = recorder->open(settings_);
  const auto begun = std::chrono::steady_clock::now();
  for (int i = 0; i < 1'000; ++i) recorder->record(*route, exchange(std::to_string(i)));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(1));
  ASSERT_TRUE(eventually([&] { return counts(*recorder, "tidemill_capture_written_total 1000"); }));
  EXPECT_TRUE(captured().empty());
  s3_.hold(false);
  EXPECT_TRUE(eventually([&] { return captured().size() == 1'000; }));
}

// Writing beyond the file size limit fails as it does on a full disk.
class SmallFiles {
 public:
  explicit SmallFiles(rlim_t bytes) : handler_(::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    rlimit small{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
  }
  ~SmallFiles() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  sighandler_t handler_;
};

TEST_F(CaptureRecorder, drops_what_the_disk_cannot_take_and_keeps_the_rest) {
  options_.idle_rotation = std::chrono::hours(1);
  auto recorder = start();
  auto route = recorder->open(settings_);
  recorder->record(*route, exchange("before"));
  ASSERT_TRUE(eventually([&] { return counts(*recorder, "tidemill_capture_written_total 1"); }));
  std::promise<Result<void>> refused;
  {
    SmallFiles small(1'000);
    recorder->record_durably(*route, exchange(std::string(2'000, 'x')),
                             [&](Result<void> result) { refused.set_value(std::move(result)); });
    Result<void> outcome = refused.get_future().get();
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, codes::kStorageFull);
  }
  EXPECT_TRUE(counts(*recorder, "tidemill_capture_dropped_total{reason=\"disk\"} 1"));
  recorder->record(*route, exchange("after"));
  recorder->stop();
  EXPECT_EQ(captured(), (std::vector<std::string>{"before", "after"}));
}

TEST_F(CaptureRecorder, a_durable_record_is_on_disk_when_it_is_confirmed) {
  options_.idle_rotation = std::chrono::hours(1);
  options_.sync_interval = std::chrono::hours(1);
  options_.write_interval = std::chrono::hours(1);
  options_.durable = true;
  auto recorder = start();
  EXPECT_TRUE(recorder->durable());
  auto route = recorder->open(settings_);
  std::promise<std::string> confirmed;
  recorder->record_durably(*route, exchange("precious"), [&](Result<void> result) {
    EXPECT_TRUE(result);
    std::string all;
    for (const auto& each : fs::directory_iterator(options_.directory)) {
      std::ifstream file(each.path());
      all.append(std::istreambuf_iterator<char>(file), {});
    }
    confirmed.set_value(all);
  });
  EXPECT_NE(confirmed.get_future().get().find("precious"), std::string::npos);
}

TEST_F(CaptureRecorder, many_files_are_synced_together) {
  options_.idle_rotation = std::chrono::hours(1);
  auto recorder = start();
  std::vector<std::shared_ptr<const CaptureRoute>> routes;
  std::atomic<int> confirmed = 0;
  for (int i = 0; i < 20; ++i) {
    settings_.endpoint = "churn-" + std::to_string(i);
    routes.push_back(recorder->open(settings_));
    recorder->record_durably(*routes.back(), exchange(std::to_string(i)),
                             [&](Result<void> result) { confirmed += result.has_value(); });
  }
  EXPECT_TRUE(eventually([&] { return confirmed == 20; }));
  EXPECT_EQ(journals(), 20u);
}

// Copies the files as they are at this moment: this is what kill -9 leaves.
TEST_F(CaptureRecorder, uploads_what_a_killed_server_left) {
  options_.idle_rotation = std::chrono::hours(1);
  options_.sync_interval = std::chrono::hours(1);
  auto killed = start();
  auto route = killed->open(settings_);
  for (int i = 0; i < 100; ++i) killed->record(*route, exchange(std::to_string(i)));
  ASSERT_TRUE(eventually([&] { return counts(*killed, "tidemill_capture_written_total 100"); }));
  const std::string left = folder_.path() + "/left";
  fs::copy(options_.directory, left, fs::copy_options::recursive);
  for (const auto& each : fs::directory_iterator(left))
    std::ofstream(each.path(), std::ios::app) << "{\"captureData\":{\"endpointInp";

  TestS3 after({"bucket"});
  RecorderOptions options = options_;
  options.directory = left;
  TestRoles roles(after);
  Recorder next(roles, *random_, options);
  ASSERT_TRUE(next.start());
  ASSERT_TRUE(eventually([&] { return bodies(after).size() == 100; }));
  EXPECT_TRUE(counts(next, "tidemill_capture_dropped_total{reason=\"damaged\"} 1"));
  EXPECT_TRUE(eventually([&] { return fs::is_empty(left); }));

  // The killed server had begun the upload: this must give the same object, not a second one.
  killed->stop();
  EXPECT_EQ(s3_.objects(), after.objects());
}

TEST_F(CaptureRecorder, keeps_a_file_it_cannot_read) {
  fs::create_directories(options_.directory);
  const std::string name = "2026-01-02-03-04-05-006-8f45e35c-fa44-40d2-8ed3-1bcab3a596f3.jsonl";
  std::ofstream(options_.directory + "/" + name) << "not a header\n";
  std::ofstream(options_.directory + "/notes.txt") << "not a journal";
  auto recorder = start();
  EXPECT_TRUE(eventually([&] { return fs::exists(options_.directory + "/" + name + ".damaged"); }));
  EXPECT_TRUE(counts(*recorder, "tidemill_capture_dropped_total{reason=\"damaged\"} 1"));
  EXPECT_TRUE(fs::exists(options_.directory + "/notes.txt"));
}

TEST_F(CaptureRecorder, takes_each_record_once_from_many_threads) {
  options_.rotation_bytes = 100'000;
  auto recorder = start();
  auto route = recorder->open(settings_);
  constexpr int kThreads = 4, kEach = 3'000;
  std::atomic<int> confirmed = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t)
      threads.emplace_back([&, t] {
        for (int i = 0; i < kEach; ++i) {
          const std::string body = std::to_string(t * kEach + i);
          if (i % 3 == 0)
            recorder->record_durably(*route, exchange(body),
                                     [&](Result<void> done) { confirmed += done.has_value(); });
          else
            recorder->record(*route, exchange(body));
        }
      });
  }
  recorder->stop();
  EXPECT_EQ(confirmed, kThreads * kEach / 3);
  std::vector<std::string> all = captured();
  EXPECT_EQ(all.size(), std::size_t(kThreads * kEach));
  EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), std::size_t(kThreads * kEach));
}

TEST_F(CaptureRecorder, says_when_its_folder_cannot_be_made) {
  std::ofstream(folder_.path() + "/file") << "x";
  options_.directory = folder_.path() + "/file/capture";
  Recorder recorder(roles_, *random_, options_);
  Result<void> started = recorder.start();
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().message.find(options_.directory), std::string::npos);
}

}  // namespace
}  // namespace tidemill::services::sagemaker_runtime
