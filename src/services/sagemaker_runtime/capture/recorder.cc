#include "services/sagemaker_runtime/capture/recorder.h"

#include <algorithm>
#include <filesystem>
#include <mutex>

#include "services/sagemaker_runtime/capture/writer.h"

namespace tidemill::services::sagemaker_runtime {

CaptureRoute::CaptureRoute(std::shared_ptr<CaptureChannel> channel)
    : channel_(std::move(channel)) {}

CaptureRoute::~CaptureRoute() { channel_->inbox->retire(channel_); }

const CaptureSettings& CaptureRoute::settings() const { return channel_->settings; }

bool CaptureRoute::sample() const {
  const int percentage = channel_->settings.sampling_percentage;
  if (percentage >= 100) return true;
  // For a Weyl sequence: multiples of the golden ratio are evenly spread and never periodic.
  constexpr std::uint64_t kGoldenRatio = 0x9E3779B97F4A7C15ull;
  const std::uint64_t draw = turn_.fetch_add(1, std::memory_order_relaxed) * kGoldenRatio;
  return static_cast<double>(draw >> 11) * 0x1p-53 * 100 < percentage;
}

struct Recorder::Parts {
  Parts(s3::S3Roles& roles, Random& random, RecorderOptions from)
      : options(std::move(from)),
        inbox(std::make_shared<CaptureInbox>(options.queued_bytes_max, options.write_interval)),
        uploader(roles, inbox->counters, options),
        writer(*inbox, uploader, random, options) {}

  const RecorderOptions options;
  const std::shared_ptr<CaptureInbox> inbox;  // shared with routes, which may outlive the recorder
  CaptureUploader uploader;
  CaptureWriter writer;

  struct Opened {
    std::weak_ptr<const CaptureRoute> route;
    std::weak_ptr<CaptureChannel> channel;
  };
  std::mutex mutex;
  std::vector<Opened> opened;  // guarded by mutex
  bool stopped = false;        // guarded by mutex
};

Recorder::Recorder(s3::S3Roles& roles, Random& random, RecorderOptions options)
    : parts_(std::make_unique<Parts>(roles, random, std::move(options))) {}

Recorder::~Recorder() { stop(); }

Result<void> Recorder::start() {
  std::error_code error;
  std::filesystem::create_directories(parts_->options.directory, error);
  if (error)
    return fail(codes::kIo, "cannot make the folder " + parts_->options.directory +
                                " of captured data: " + error.message());
  TRY(parts_->uploader.start());
  return parts_->writer.start();
}

void Recorder::stop() {
  std::vector<ChannelPointer> channels;
  {
    std::lock_guard lock(parts_->mutex);
    if (std::exchange(parts_->stopped, true)) return;
    for (const Parts::Opened& each : parts_->opened)
      if (ChannelPointer channel = each.channel.lock()) channels.push_back(std::move(channel));
  }
  parts_->inbox->stop(channels);
  parts_->writer.join();
  parts_->inbox->discard(channels);
  parts_->uploader.finish();
}

std::shared_ptr<const CaptureRoute> Recorder::open(CaptureSettings settings) {
  std::lock_guard lock(parts_->mutex);
  std::erase_if(parts_->opened, [](const Parts::Opened& each) { return each.channel.expired(); });
  for (const Parts::Opened& each : parts_->opened)
    if (auto route = each.route.lock(); route && route->settings() == settings) return route;
  auto channel = std::make_shared<CaptureChannel>();
  channel->settings = std::move(settings);
  channel->inbox = parts_->inbox;
  std::shared_ptr<const CaptureRoute> route(new CaptureRoute(channel));
  parts_->opened.push_back({route, channel});
  return route;
}

void Recorder::record(const CaptureRoute& route, CapturedExchange exchange) {
  parts_->inbox->put(route.channel_, {std::move(exchange), 0, {}});
}

void Recorder::record_durably(const CaptureRoute& route, CapturedExchange exchange,
                              std::move_only_function<void(Result<void>)> done) {
  parts_->inbox->put(route.channel_, {std::move(exchange), 0, std::move(done)});
}

bool Recorder::durable() const { return parts_->options.durable; }

void Recorder::add_to(platform::MetricRegistry& metrics) const {
  parts_->inbox->counters.add_to(metrics);
}

}  // namespace tidemill::services::sagemaker_runtime
