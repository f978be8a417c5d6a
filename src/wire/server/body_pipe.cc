#include "wire/server/body_pipe.h"

#include <algorithm>
#include <cstring>

namespace tidemill::wire {

BodyPipe::BodyPipe(std::size_t capacity, std::optional<std::uint64_t> size,
                   std::move_only_function<void()> on_change)
    : capacity_(capacity), size_(size), on_change_(std::move(on_change)) {}

std::size_t BodyPipe::room() {
  std::lock_guard lock(mutex_);
  if (waiting_.size() < capacity_) return capacity_ - waiting_.size();
  loop_waits_ = true;
  return 0;
}

void BodyPipe::push(std::string_view bytes) {
  if (bytes.empty()) return;
  std::lock_guard lock(mutex_);
  if (abandoned_) return;
  waiting_.append(bytes);
  arrived_.notify_one();
}

void BodyPipe::finish() {
  std::lock_guard lock(mutex_);
  finished_ = true;
  arrived_.notify_one();
}

void BodyPipe::fail(Error error) {
  std::lock_guard lock(mutex_);
  if (!finished_ && !error_) error_ = std::move(error);
  arrived_.notify_one();
}

bool BodyPipe::abandoned() {
  std::lock_guard lock(mutex_);
  return abandoned_;
}

Result<std::size_t> BodyPipe::read(std::span<char> buffer) {
  if (taken_position_ == taken_.size()) {
    bool wake_loop = false;
    {
      std::unique_lock lock(mutex_);
      arrived_.wait(lock, [&] { return !waiting_.empty() || finished_ || error_; });
      if (waiting_.empty()) {
        if (finished_) return 0;
        return std::unexpected<Error>(*error_);
      }
      // Swapping returns the consumer's old buffer to the loop, which saves allocations.
      taken_.clear();
      taken_position_ = 0;
      taken_.swap(waiting_);
      wake_loop = std::exchange(loop_waits_, false);
    }
    if (wake_loop) on_change_();
  }
  const std::size_t count = std::min(buffer.size(), taken_.size() - taken_position_);
  std::memcpy(buffer.data(), taken_.data() + taken_position_, count);
  taken_position_ += count;
  return count;
}

void BodyPipe::abandon() {
  {
    std::lock_guard lock(mutex_);
    abandoned_ = true;
    waiting_.clear();
  }
  on_change_();
}

namespace {

class PipeSource final : public ByteSource {
 public:
  explicit PipeSource(std::shared_ptr<BodyPipe> pipe) : pipe_(std::move(pipe)) {}
  ~PipeSource() override { pipe_->abandon(); }
  Result<std::size_t> read(std::span<char> buffer) override { return pipe_->read(buffer); }
  std::optional<std::uint64_t> size() const override { return pipe_->size(); }

 private:
  std::shared_ptr<BodyPipe> pipe_;  // shared: the loop pushes into it
};

}  // namespace

std::unique_ptr<ByteSource> make_pipe_source(std::shared_ptr<BodyPipe> pipe) {
  return std::make_unique<PipeSource>(std::move(pipe));
}

}  // namespace tidemill::wire
