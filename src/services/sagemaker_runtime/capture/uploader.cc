#include "services/sagemaker_runtime/capture/uploader.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/log.h"
#include "blobs/file_source.h"

namespace tidemill::services::sagemaker_runtime {
namespace {

namespace fs = std::filesystem;

constexpr const char* kContentType = "application/jsonlines";
// The session of the model's role that writes captured data.
constexpr const char* kSessionName = "SageMaker";
// 2^16 times the first delay exceeds any delay_max.
constexpr int kDoublingsMax = 16;

Result<void> put(s3::S3Roles& roles, const ClosedJournal& journal) {
  blobs::SharedFile file = TRY(blobs::open_file(journal.path, O_RDONLY));
  blobs::FileSource bytes(std::move(file), journal.header_bytes,
                          journal.bytes - journal.header_bytes);
  const CaptureSettings& settings = journal.settings;
  const std::string key = capture_key(settings, journal.name);
  const auto s3 = roles.as_role(
      {settings.role_arn, kSessionName, settings.account, settings.region, settings.role_since});
  Result<s3::ObjectInfo> stored =
      s3->put_object(settings.account, settings.bucket, key, bytes, {.content_type = kContentType});
  if (!stored) return fail(stored.error());
  return {};
}

}  // namespace

CaptureUploader::CaptureUploader(s3::S3Roles& roles, CaptureCounters& counters,
                                 const RecorderOptions& options)
    : roles_(roles), counters_(counters), options_(options) {}

Result<void> CaptureUploader::start() {
  std::error_code error;
  std::vector<Waiting> found;
  for (const auto& entry : fs::directory_iterator(options_.directory, error)) {
    if (!parse_journal_name(entry.path().filename().string())) continue;
    std::error_code ignored;
    const std::uintmax_t bytes = entry.file_size(ignored);
    found.push_back({entry.path().string(), ignored ? 0 : std::uint64_t(bytes), {}, 0, {}});
  }
  if (error)
    return fail(codes::kIo, "cannot list the folder " + options_.directory +
                                " of captured data: " + error.message());
  // Oldest first: the names begin with the time.
  std::ranges::sort(found, {}, &Waiting::path);
  {
    std::lock_guard lock(mutex_);
    for (Waiting& each : found) {
      counters_.backlog_bytes += each.bytes;
      waiting_.push_back(std::move(each));
    }
  }
  scope_.spawn("capture-upload", [this](std::stop_token) { run(); });
  return {};
}

void CaptureUploader::add(ClosedJournal journal) {
  {
    std::lock_guard lock(mutex_);
    std::string path = journal.path;
    const std::uint64_t bytes = journal.bytes;
    waiting_.push_back({std::move(path), bytes, std::move(journal), 0, {}});
  }
  wake_.notify_one();
}

void CaptureUploader::finish() {
  {
    std::lock_guard lock(mutex_);
    if (!finish_until_) {
      finish_until_ = std::chrono::steady_clock::now() + options_.stop_time_max;
      for (Waiting& each : waiting_) each.next_try = {};
    }
  }
  wake_.notify_one();
  scope_.stop();
}

std::optional<CaptureUploader::Waiting> CaptureUploader::next() {
  std::unique_lock lock(mutex_);
  while (true) {
    const SteadyTime now = std::chrono::steady_clock::now();
    if (finish_until_ && (waiting_.empty() || now >= *finish_until_)) return std::nullopt;
    auto due = std::ranges::min_element(waiting_, {}, &Waiting::next_try);
    if (due != waiting_.end() && due->next_try <= now) {
      Waiting taken = std::move(*due);
      waiting_.erase(due);
      return taken;
    }
    if (finish_until_) return std::nullopt;  // everything left has been tried once more
    if (due == waiting_.end())
      wake_.wait(lock);
    else
      wake_.wait_until(lock, due->next_try);
  }
}

void CaptureUploader::run() {
  while (std::optional<Waiting> waiting = next()) {
    if (!upload(*waiting)) {
      std::lock_guard lock(mutex_);
      waiting_.push_back(std::move(*waiting));
    }
    counters_.report(std::chrono::steady_clock::now());
  }
}

bool CaptureUploader::upload(Waiting& waiting) {
  if (!waiting.journal && !read_back(waiting)) return true;
  if (waiting.journal->records == 0) {  // the disk was full after its header
    forget(waiting);
    return true;
  }
  Result<void> stored = put(roles_, *waiting.journal);
  if (!stored) {
    failed(waiting, stored.error());
    if (!tried_long_enough(waiting)) return false;
    counters_.drop(Dropped::upload, waiting.journal->records);
    forget(waiting);
    return true;
  }
  counters_.objects += 1;
  counters_.object_records += waiting.journal->records;
  forget(waiting);
  return true;
}

bool CaptureUploader::read_back(Waiting& waiting) {
  Result<RecoveredJournal> recovered = recover_journal(waiting.path);
  if (!recovered) {
    // Renamed and kept, so that a person can still examine it.
    log::error("a file of captured data cannot be read",
               {{"path", waiting.path}, {"reason", recovered.error().message}});
    counters_.drop(Dropped::damaged);
    std::error_code ignored;
    fs::rename(waiting.path, waiting.path + ".damaged", ignored);
    counters_.backlog_bytes -= waiting.bytes;
    return false;
  }
  if (recovered->damaged > 0) counters_.drop(Dropped::damaged, recovered->damaged);
  if (!recovered->journal) {
    forget(waiting);
    return false;
  }
  log::info("captured data of an earlier run is uploaded",
            {{"endpoint", recovered->journal->settings.endpoint},
             {"records", std::int64_t(recovered->journal->records)}});
  waiting.journal = std::move(recovered->journal);
  return true;
}

void CaptureUploader::failed(Waiting& waiting, const Error& error) {
  counters_.upload_failures += 1;
  if (waiting.failures == 0)
    log::warning("captured data could not be uploaded; the upload will be retried",
                 {{"endpoint", waiting.journal->settings.endpoint},
                  {"bucket", waiting.journal->settings.bucket},
                  {"reason", error.message}});
  const auto delay = std::min(
      options_.retry_delay_max,
      options_.retry_delay * (std::int64_t(1) << std::min(waiting.failures, kDoublingsMax)));
  waiting.failures += 1;
  const SteadyTime now = std::chrono::steady_clock::now();
  if (!waiting.first_failure) waiting.first_failure = now;
  waiting.next_try = now + delay;
}

// Counts from the first failure of this run. The wall clock may be set, and records minutes old
// could then look old enough to be dropped. A restart begins counting anew.
bool CaptureUploader::tried_long_enough(const Waiting& waiting) const {
  return waiting.first_failure &&
         std::chrono::steady_clock::now() - *waiting.first_failure > options_.upload_age_max;
}

void CaptureUploader::forget(const Waiting& waiting) {
  ::unlink(waiting.path.c_str());
  counters_.backlog_bytes -= waiting.bytes;
}

}  // namespace tidemill::services::sagemaker_runtime
