// The cost of capturing a request for the event loop that answers it, and the throughput of the
// recorder's own threads.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "base/clock.h"
#include "services/platform/metrics/test_metrics.h"
#include "services/sagemaker_runtime/capture/line.h"
#include "services/sagemaker_runtime/capture/recorder.h"
#include "services/sagemaker_runtime/capture/test_capture.h"

namespace tidemill::services::sagemaker_runtime {
namespace {

const SystemClock kClock;

CaptureSettings settings(int percentage) {
  CaptureSettings out = test_capture_settings();
  out.sampling_percentage = percentage;
  return out;
}

CapturedExchange exchange(std::size_t body_bytes) {
  CapturedExchange out;
  out.request_content_type = "text/csv";
  out.request_body.assign(body_bytes, '7');
  out.response_content_type = "text/csv; charset=utf-8";
  out.response_body = "0.0254181120544672";
  out.time = kClock.now();
  return out;
}

// A recorder with its own folder, and S3 in memory.
struct World {
  explicit World(std::uint64_t queued_bytes_max)
      : directory((std::filesystem::temp_directory_path() / "tidemill-capture-bench").string()) {
    std::filesystem::remove_all(directory);
    RecorderOptions options;
    options.directory = directory;
    options.queued_bytes_max = queued_bytes_max;
    recorder = std::make_unique<Recorder>(roles, *random, options);
    if (!recorder->start()) std::abort();
  }
  ~World() {
    recorder.reset();
    std::filesystem::remove_all(directory);
  }
  std::string directory;
  TestS3 s3{{"bucket"}};
  TestRoles roles{s3};
  std::unique_ptr<Random> random = make_system_random();
  std::unique_ptr<Recorder> recorder;
};

void sample(benchmark::State& state) {
  World world(64u << 20);
  auto route = world.recorder->open(settings(int(state.range(0))));
  for (auto _ : state) benchmark::DoNotOptimize(route->sample());
}
BENCHMARK(sample)->Arg(100)->Arg(20);

// Includes copies of both bodies: the server moves the request's body and copies the answer's. Runs
// at about 50,000 requests a second, which the writer can keep up with, since a full queue would
// cost nothing.
void record(benchmark::State& state) {
  World world(1u << 30);
  auto route = world.recorder->open(settings(100));
  const CapturedExchange one = exchange(std::size_t(state.range(0)));
  const int burst = int(std::min<std::int64_t>(50, 200'000 / state.range(0)));
  for (auto _ : state) {
    const auto begun = std::chrono::steady_clock::now();
    for (int i = 0; i < burst; ++i) world.recorder->record(*route, one);
    const auto took = std::chrono::steady_clock::now() - begun;
    state.SetIterationTime(std::chrono::duration<double>(took).count() / burst);
    std::this_thread::sleep_until(begun + std::chrono::milliseconds(1));
  }
  if (services::platform::metrics_text(*world.recorder).find("{reason=\"queue_full\"} 0\n") ==
      std::string::npos)
    state.SkipWithError("records were dropped");
}
BENCHMARK(record)->Arg(64)->Arg(512)->Arg(4096)->Arg(65536)->UseManualTime()->Iterations(2000);

// The writer's work for a record, without the file.
void line(benchmark::State& state) {
  const CaptureSettings where = settings(100);
  const CapturedExchange one = exchange(std::size_t(state.range(0)));
  std::string out;
  for (auto _ : state) {
    out.clear();
    append_capture_line(where, one, "8f45e35c-fa44-40d2-8ed3-1bcab3a596f3", out);
    benchmark::DoNotOptimize(out.data());
  }
  state.SetBytesProcessed(std::int64_t(state.iterations()) * std::int64_t(out.size()));
}
BENCHMARK(line)->Arg(64)->Arg(512)->Arg(65536);

// Answers that each wait until their record is safe, one after the other.
void record_durably(benchmark::State& state) {
  World world(64u << 20);
  auto route = world.recorder->open(settings(100));
  const CapturedExchange one = exchange(512);
  for (auto _ : state) {
    std::atomic<bool> safe = false;
    world.recorder->record_durably(*route, one, [&](Result<void>) {
      safe = true;
      safe.notify_one();
    });
    safe.wait(false);
  }
}
BENCHMARK(record_durably)->UseRealTime();

}  // namespace
}  // namespace tidemill::services::sagemaker_runtime

BENCHMARK_MAIN();
