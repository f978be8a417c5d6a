#include "services/sagemaker/jobs/transform_job/transform_file.h"

#include <algorithm>
#include <cstring>
#include <deque>

#include "services/sagemaker/common/s3_uri.h"
#include "services/sagemaker/jobs/transform_job/data/gzip_source.h"

namespace tidemill::services::sagemaker::jobs {

namespace {

constexpr std::chrono::seconds kProgressInterval{10};
constexpr std::uint64_t kMegabyte = 1u << 20;
// The error of a stream whose file failed: the reason lies in the stream.
constexpr const char* kFileFailed = "FileFailed";

// S3 reads the output from it, and so drives everything: batches are read and sent ahead, as many
// as the pool takes, and their outputs handed on in the order of the input.
class OutputStream final : public ByteSource {
 public:
  OutputStream(const FileTransform& with, const TransformFile& file,
               std::unique_ptr<ByteSource> input, BatchOptions options)
      : with_(with), file_(file), reader_(std::move(input), options) {}
  ~OutputStream() override {
    // Requests under way refer to the pool only; waiting for them frees their places.
    for (auto& ticket : ahead_) (void)with_.pool.wait(*ticket);
  }

  std::optional<std::uint64_t> size() const override { return std::nullopt; }

  Result<std::size_t> read(std::span<char> buffer) override {
    while (position_ == piece_.size()) {
      if (with_.stop.stop_requested()) return fail(codes::kCancelled, "the job stops");
      TRY(send_ahead());
      if (ahead_.empty()) return std::size_t(0);
      TRY(take_next());
    }
    const std::size_t count = std::min(buffer.size(), piece_.size() - position_);
    std::memcpy(buffer.data(), piece_.data() + position_, count);
    position_ += count;
    return count;
  }

  const std::string& failure() const { return failure_; }
  std::int64_t records() const { return records_; }

 private:
  Result<void> failed(std::string kind, const std::string& reason) {
    failure_ = std::move(kind) + reason;
    return fail(kFileFailed, failure_);
  }

  Result<void> send_ahead() {
    while (!ended_) {
      if (!next_) {
        Result<std::optional<Batch>> batch = reader_.next();
        // Batches that were sent earlier come first: the earliest failure is reported.
        if (!batch && !ahead_.empty()) return {};
        if (!batch && batch.error().code == codes::kInvalid)
          return failed("ClientError: ", batch.error().message);
        if (!batch) return fail(batch.error());
        next_ = std::move(*batch);
        ended_ = !next_;
        if (ended_) return {};
      }
      std::shared_ptr<BatchPool::Ticket> ticket;
      if (!with_.pool.submit(*next_, ahead_.empty(), ticket)) return {};
      next_.reset();
      ahead_.push_back(std::move(ticket));
    }
    return {};
  }

  Result<void> take_next() {
    std::shared_ptr<BatchPool::Ticket> ticket = std::move(ahead_.front());
    ahead_.pop_front();
    BatchOutcome outcome = with_.pool.wait(*ticket);
    if (with_.stop.stop_requested()) return fail(codes::kCancelled, "the job stops");
    if (!outcome.failure.empty())
      return failed(outcome.model_fault ? "AlgorithmError: " : "ClientError: ", outcome.failure);
    records_ += std::int64_t(outcome.records);
    with_.records_done.fetch_add(outcome.records, std::memory_order_relaxed);
    piece_ = std::move(outcome.output);
    position_ = 0;
    const auto now = std::chrono::steady_clock::now();
    if (now - told_ < kProgressInterval) return {};
    told_ = now;
    with_.log.about(file_, std::to_string(records_) + " records done, " +
                               std::to_string(reader_.bytes_read() / kMegabyte) + " MB read");
    return {};
  }

  const FileTransform& with_;
  const TransformFile& file_;
  BatchReader reader_;
  std::optional<Batch> next_;  // read, and not taken by the pool
  bool ended_ = false;
  std::deque<std::shared_ptr<BatchPool::Ticket>> ahead_;
  std::string piece_;
  std::size_t position_ = 0;
  std::int64_t records_ = 0;
  std::string failure_;
  std::chrono::steady_clock::time_point told_ = std::chrono::steady_clock::now();
};

bool is_users_fault(const Error& error) {
  return error.code == "NoSuchBucket" || error.code == "AccessDenied" ||
         error.code == "NoSuchKey" || error.code == "EntityTooLarge" ||
         error.code == "KeyTooLongError";
}

}  // namespace

Result<FileResult> transform_file(const FileTransform& with, const TransformFile& file) {
  Result<s3::ObjectBody> body = with.s3.get_object(with.job.account, file.bucket, file.key);
  if (!body && is_users_fault(body.error()))
    return FileResult{
        "ClientError: it cannot be read: " + body.error().code + ": " + body.error().message, 0};
  if (!body) return fail(body.error());
  std::unique_ptr<ByteSource> input = std::move(body->bytes);
  if (with.plan.gzip) input = gunzip(std::move(input));
  BatchOptions options = with.plan.batches;
  options.payload_bytes_wanted = with.payload_bytes_wanted;
  OutputStream output(with, file, std::move(input), options);
  const S3Uri target = TRY(parse_s3_uri(with.job.request.transform_output->s3_output_path));
  s3::PutOptions put;
  put.content_type = with.plan.accept;
  Result<s3::ObjectInfo> stored = with.s3.put_object(
      with.job.account, target.bucket, join_key(target.key, file.output_name), output, put);
  if (!output.failure().empty()) return FileResult{output.failure(), 0};
  if (with.stop.stop_requested() && !stored) return fail(codes::kCancelled, "the job stops");
  if (!stored && is_users_fault(stored.error()))
    return FileResult{"ClientError: its output cannot be written to " +
                          with.job.request.transform_output->s3_output_path + ": " +
                          stored.error().code + ": " + stored.error().message,
                      0};
  if (!stored) return fail(stored.error());
  return FileResult{"", output.records()};
}

}  // namespace tidemill::services::sagemaker::jobs
