#include "services/sagemaker/jobs/transform_job/data_log.h"

#include <cstdio>
#include <ctime>

#include "base/log.h"

namespace tidemill::services::sagemaker::jobs {

namespace {

constexpr std::chrono::milliseconds kFlushInterval{500};
constexpr std::size_t kWaitingMax = 200;
// Limit on the text of a model's answer to a record that it refused.
constexpr std::size_t kTextBytesMax = 16u << 10;

std::string stamp(Timestamp time) {
  const std::time_t seconds = time.microseconds / 1'000'000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[64];
  const std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text + length, sizeof text - length, ".%03d", int(time.microseconds / 1000 % 1000));
  return text;
}

}  // namespace

void DataLog::line(const std::string& text) {
  const Timestamp now = clock_.now();
  bool full = false;
  {
    std::lock_guard lock(mutex_);
    waiting_.push_back({now, stamp(now) + ":[sagemaker logs]: " + text});
    const auto elapsed = now - flushed_;
    // Less than nothing: the wall clock was set back, and lines must not wait until it catches up.
    full = waiting_.size() >= kWaitingMax || elapsed > kFlushInterval || elapsed.count() < 0;
  }
  if (full) flush();
}

void DataLog::about(const TransformFile& file, const std::string& text) {
  const std::string name = file.bucket + "/" + file.key + ": ";
  std::string_view rest = std::string_view(text).substr(0, kTextBytesMax);
  do {
    const std::size_t end = rest.find('\n');
    line(name + std::string(rest.substr(0, end)));
    rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
  } while (!rest.empty());
}

void DataLog::flush() {
  std::vector<logs::LogEvent> events;
  {
    std::lock_guard lock(mutex_);
    events.swap(waiting_);
    flushed_ = clock_.now();
  }
  if (events.empty()) return;
  Result<void> written = logs_.append(job_.account, job_.region, kTransformLogGroup,
                                      transform_data_log_stream(job_), std::move(events));
  if (!written)
    log::warning("a transform job's data log could not be written",
                 {{"job", job_.name()}, {"problem", written.error().message}});
}

}  // namespace tidemill::services::sagemaker::jobs
