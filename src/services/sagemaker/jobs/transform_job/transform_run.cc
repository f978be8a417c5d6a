#include "services/sagemaker/jobs/transform_job/transform_run.h"

#include <algorithm>
#include <thread>

#include "base/utf8.h"
#include "services/platform/metrics/metrics.h"
#include "services/sagemaker/hosting/fleet/instance_spec.h"

namespace tidemill::services::sagemaker::jobs {

namespace {

constexpr std::size_t kFilesPerPage = 200;
// Files that are worked on at the same time, each with a thread of its own.
constexpr std::size_t kLanesMax = 16;
// Limit on a file's failure in its row, since a model may answer anything.
constexpr std::size_t kFailureBytesMax = 8u << 10;

// A model may answer any bytes; records hold text.
void make_text(std::string& bytes) {
  if (is_valid_utf8(bytes)) return;
  for (char& byte : bytes)
    if (static_cast<unsigned char>(byte) >= 0x80) byte = '?';
}

// Shortens a text to `bytes_max`: a traceback to the exception's line and its last frames, other
// texts to their beginning.
std::string cut(std::string text, std::size_t bytes_max) {
  make_text(text);
  if (text.size() <= bytes_max) return text;
  const std::size_t trace = text.find("Traceback (most recent call last):");
  std::string out;
  if (trace < bytes_max / 2) {
    out = text.substr(0, trace);
    std::string reason = hosting::reason_from_log(text.substr(trace), bytes_max - trace);
    // A text that was cut before has the exception's line in front of its traceback already.
    const std::size_t line_bytes = reason.find('\n') + 1;
    if (line_bytes > 0 && out.ends_with(reason.substr(0, line_bytes))) reason.erase(0, line_bytes);
    out += reason;
  } else {
    std::size_t size = bytes_max - 3;
    // The cut must not be in the middle of a character.
    while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) --size;
    out = text.substr(0, size) + "...";
  }
  make_text(out);
  return out;
}

// "s3://bucket/key, " behind the kind of error: "ClientError: s3://b/k, line 7: ...".
std::string with_file(const TransformFile& file, const std::string& reason) {
  const std::size_t colon = reason.find(": ");
  return reason.substr(0, colon) + ": s3://" + file.bucket + "/" + file.key + ", " +
         reason.substr(colon + 2);
}

}  // namespace

void TransformCounters::add_to(platform::MetricRegistry& metrics) const {
  using platform::reading;
  metrics.add({.name = "tidemill_transform_jobs_running",
               .kind = platform::MetricKind::gauge,
               .help = "Transform jobs that read files."},
              reading(jobs_running));
  metrics.add({.name = "tidemill_transform_files_done_total",
               .help = "Files that transform jobs transformed."},
              reading(files_done));
  metrics.add({.name = "tidemill_transform_files_failed_total",
               .help = "Files that transform jobs failed to transform."},
              reading(files_failed));
  metrics.add({.name = "tidemill_transform_records_total",
               .help = "Records that transform jobs transformed."},
              reading(records));
}

TransformRun::TransformRun(const Dependencies& dependencies, const TransformJob& job,
                           BatchModel& model, TransformCounters& counters, std::stop_token stop)
    : on_(dependencies),
      job_(job),
      model_(model),
      counters_(counters),
      stop_(std::move(stop)),
      plan_(transform_plan(job.request)),
      log_(dependencies.logs, dependencies.clock, job) {
  progress_.files = job.progress.files;
}

Result<std::optional<TransformRun::NextFile>> TransformRun::next_file() {
  std::lock_guard lock(mutex_);
  while (page_.empty()) {
    if (listed_ || broken_) return std::optional<NextFile>();
    store::Scan scan;
    scan.prefix = transform_files_prefix(job_);
    scan.after = position_;
    scan.limit = kFilesPerPage;
    scan.table = transform_files().name();
    store::Page page = TRY(on_.store.scan(scan));
    for (store::Row& row : page.rows) {
      TransformFile file = TRY(store::read_record<TransformFile>(scan.table, row.key, row.value));
      if (!file.done && file.failure.empty()) {
        page_.push_back({std::move(row.key), std::move(file)});
        continue;
      }
      // An earlier run came this far.
      ++(file.done ? progress_.files_done : progress_.files_failed);
      progress_.records += file.records;
      if (first_failure_.empty()) first_failure_ = file.failure;
    }
    std::ranges::reverse(page_);
    position_ = page.next;
    listed_ = position_.empty();
  }
  NextFile next = std::move(page_.back());
  page_.pop_back();
  return std::optional(std::move(next));
}

Result<void> TransformRun::record(NextFile next, const FileResult& result) {
  TransformFile& file = next.file;
  file.done = result.failure.empty();
  file.records = result.records;
  if (!file.done) file.failure = cut(with_file(file, result.failure), kFailureBytesMax);
  store::Transaction transaction;
  transform_files().put(transaction, next.key, file, std::nullopt);
  TRY(on_.store.commit(std::move(transaction)));
  ++(file.done ? counters_.files_done : counters_.files_failed);
  std::int64_t over = 0;
  {
    std::lock_guard lock(mutex_);
    ++(file.done ? progress_.files_done : progress_.files_failed);
    progress_.records += file.records;
    if (first_failure_.empty()) first_failure_ = file.failure;
    over = progress_.files_done + progress_.files_failed;
  }
  if (!file.done) {
    tell_failure(file, result.failure);
    return {};
  }
  log_.about(file, std::to_string(file.records) + " records done; file " + std::to_string(over) +
                       " of " + std::to_string(progress_.files));
  return {};
}

// In the form of SageMaker's: the kind, then the message, line by line.
void TransformRun::tell_failure(const TransformFile& file, const std::string& reason) {
  const std::size_t colon = reason.find(": ");
  log_.about(file, reason.substr(0, colon));
  log_.about(file, "");
  log_.about(file, "Message:");
  log_.about(file, reason.substr(colon + 2));
}

Result<void> TransformRun::work(const FileTransform& with) {
  for (;;) {
    if (stop_.stop_requested()) return fail(codes::kCancelled, "the job stops");
    std::optional<NextFile> next = TRY(next_file());
    if (!next) return {};
    const FileResult result = TRY(transform_file(with, next->file));
    TRY(record(std::move(*next), result));
  }
}

std::string TransformRun::failure_reason() const {
  if (progress_.files_failed == 0) return "";
  std::string tail =
      " See the log stream " + transform_data_log_stream(job_) + " of " + kTransformLogGroup + ".";
  if (progress_.files_failed > 1)
    tail = " (" + std::to_string(progress_.files_failed) + " of " +
           std::to_string(progress_.files) + " files failed, this one first.)" + tail;
  std::string head = cut(first_failure_, kTransformReasonBytesMax - tail.size() - 1);
  if (!head.ends_with('.')) head += '.';
  return head + tail;
}

Result<TransformResult> TransformRun::run() {
  const DataProcessing processing = TRY(data_processing(job_.request));
  const auto role_s3 = on_.s3_as(role_use(job_));
  s3::S3Interface& s3 = *role_s3;
  log_.line("MaxConcurrentTransforms=" + std::to_string(plan_.concurrency) +
            ", MaxPayloadInMB=" + std::to_string(plan_.payload_mb) +
            ", BatchStrategy=" + (plan_.batches.single_record ? "SINGLE_RECORD" : "MULTI_RECORD"));
  // Ended by the job's stop, and by a lane that cannot go on.
  std::stop_source ending;
  std::stop_callback forward(stop_, [&ending] { ending.request_stop(); });
  Result<void> outcome;
  {
    BatchPool pool(model_, processing, plan_, ending.get_token());
    const FileTransform with{s3,
                             job_,
                             plan_,
                             pool,
                             log_,
                             ending.get_token(),
                             model_.payload_bytes_wanted(),
                             counters_.records};
    std::vector<std::jthread> lanes;
    const std::size_t count = std::clamp<std::size_t>(
        std::min(plan_.concurrency, std::size_t(std::max<std::int64_t>(1, progress_.files))), 1,
        kLanesMax);
    for (std::size_t i = 0; i < count; ++i)
      lanes.emplace_back([&] {
        Result<void> done = work(with);
        if (done) return;
        ending.request_stop();
        std::lock_guard lock(mutex_);
        broken_ = true;
        // The others are cancelled for this one's reason.
        if (outcome || outcome.error().code == codes::kCancelled) outcome = std::move(done);
      });
  }
  if (stop_.stop_requested()) return fail(codes::kCancelled, "the job stops");
  if (!outcome) return fail(outcome.error());
  return TransformResult{progress_, failure_reason()};
}

}  // namespace tidemill::services::sagemaker::jobs
