#include "base/push_body.h"

#include <mutex>
#include <optional>

namespace tidemill {

// Callbacks run outside the lock. A callback that is running is not in its place here, so setting
// one anew from within is safe; ending happens once, whoever comes first.
struct PushState {
  explicit PushState(std::size_t capacity) : capacity_bytes(capacity) {}

  const std::size_t capacity_bytes;
  std::mutex mutex;
  std::string waiting;        // guarded by mutex, as all below
  bool writer_waits = false;  // push() has said false
  bool reader_waits = false;  // take() found nothing
  bool finished = false;
  bool reader_gone = false;
  bool room_due = false;  // room came while the listener was away
  std::optional<Error> error;
  std::move_only_function<void(PushWriter::Event)> listener;
  std::move_only_function<void()> wake;

  // The reader has something to take: bytes, the end or a failure.
  void wake_reader(std::unique_lock<std::mutex>& lock) {
    if (!std::exchange(reader_waits, false) || !wake) return;
    std::move_only_function<void()> call = std::move(wake);
    lock.unlock();
    call();
    lock.lock();
    if (!reader_gone && !wake) wake = std::move(call);
  }
  void tell_writer(std::unique_lock<std::mutex>& lock, PushWriter::Event event) {
    if (!listener) {
      if (event == PushWriter::Event::room) room_due = true;
      return;
    }
    std::move_only_function<void(PushWriter::Event)> call = std::move(listener);
    listener = nullptr;
    lock.unlock();
    call(event);
    lock.lock();
    if (event == PushWriter::Event::gone || finished || error) return;
    if (!listener) listener = std::move(call);
    call_what_is_due(lock);
  }
  void call_what_is_due(std::unique_lock<std::mutex>& lock) {
    if (reader_gone)
      tell_writer(lock, PushWriter::Event::gone);
    else if (std::exchange(room_due, false))
      tell_writer(lock, PushWriter::Event::room);
  }
};

PushWriter::~PushWriter() {
  if (state_) fail(Error{codes::kCancelled, "its producer went away", 0});
}

PushWriter& PushWriter::operator=(PushWriter&& other) noexcept {
  if (this == &other) return *this;
  if (state_) fail(Error{codes::kCancelled, "its producer went away", 0});
  state_ = std::move(other.state_);
  return *this;
}

void PushWriter::on_event(std::move_only_function<void(Event)> listener) {
  if (!state_) return;
  const std::shared_ptr<PushState> state = state_;
  std::unique_lock lock(state->mutex);
  state->listener = std::move(listener);
  state->call_what_is_due(lock);
}

bool PushWriter::push(std::string bytes) {
  if (!state_) return false;
  const std::shared_ptr<PushState> state = state_;
  std::unique_lock lock(state->mutex);
  if (state->reader_gone || state->finished || state->error) return false;
  if (bytes.empty()) return !state->writer_waits;
  if (state->waiting.empty())
    state->waiting = std::move(bytes);
  else
    state->waiting.append(bytes);
  const bool full = state->waiting.size() >= state->capacity_bytes;
  if (full) state->writer_waits = true;
  state->wake_reader(lock);
  return !full;
}

void PushWriter::finish() {
  if (!state_) return;
  const std::shared_ptr<PushState> state = std::move(state_);
  std::unique_lock lock(state->mutex);
  state->finished = true;
  state->listener = nullptr;
  state->wake_reader(lock);
}

void PushWriter::fail(Error error) {
  if (!state_) return;
  const std::shared_ptr<PushState> state = std::move(state_);
  std::unique_lock lock(state->mutex);
  if (!state->finished && !state->error) state->error = std::move(error);
  state->listener = nullptr;
  state->wake_reader(lock);
}

bool PushWriter::gone() const {
  if (!state_) return true;
  std::lock_guard lock(state_->mutex);
  return state_->reader_gone;
}

PushReader::~PushReader() {
  std::unique_lock lock(state_->mutex);
  state_->reader_gone = true;
  state_->wake = nullptr;
  state_->waiting = std::string();
  if (!state_->finished && !state_->error) state_->tell_writer(lock, PushWriter::Event::gone);
}

void PushReader::on_wake(std::move_only_function<void()> wake) {
  std::lock_guard lock(state_->mutex);
  state_->wake = std::move(wake);
}

PushReader::Taken PushReader::take() {
  const std::shared_ptr<PushState> state = state_;
  std::unique_lock lock(state->mutex);
  Taken taken;
  taken.bytes = std::exchange(state->waiting, std::string());
  if (state->error) {  // bytes before a failure are worth nothing: the connection is cut
    taken.failure = std::unexpected<Error>(*state->error);
    return taken;
  }
  taken.ended = state->finished;
  state->reader_waits = taken.bytes.empty() && !taken.ended;
  if (!taken.bytes.empty() && std::exchange(state->writer_waits, false))
    state->tell_writer(lock, PushWriter::Event::room);
  return taken;
}

PushBody make_push_body(std::size_t capacity_bytes) {
  auto state = std::make_shared<PushState>(capacity_bytes);
  return {PushWriter(state), std::make_unique<PushReader>(state)};
}

}  // namespace tidemill
