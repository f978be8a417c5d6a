// A request body on its way from the event loop to the worker that reads it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/byte_stream.h"

namespace tidemill::wire {

// The loop pushes, one consumer pulls. Bounded: when room() is 0 the loop stops reading the socket
// until `on_change` reports room, or that the consumer is gone. It has no timeouts: the server
// fails the pipe when the client is too slow or gone.
class BodyPipe {
 public:
  // `on_change` is called on the consumer's thread, only after room() returned 0 or on
  // abandon().
  BodyPipe(std::size_t capacity, std::optional<std::uint64_t> size,
           std::move_only_function<void()> on_change);

  // The loop's side.
  std::size_t room();
  void push(std::string_view bytes);
  void finish();           // the body is complete
  void fail(Error error);  // read() returns it after the bytes before it
  bool abandoned();

  // The consumer's side. read() blocks.
  Result<std::size_t> read(std::span<char> buffer);
  void abandon();
  std::optional<std::uint64_t> size() const { return size_; }

 private:
  const std::size_t capacity_;
  const std::optional<std::uint64_t> size_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::string waiting_;             // guarded by mutex_
  bool loop_waits_ = false;         // guarded by mutex_
  bool finished_ = false;           // guarded by mutex_
  bool abandoned_ = false;          // guarded by mutex_
  std::optional<Error> error_;      // guarded by mutex_
  std::string taken_;               // used only by the consumer
  std::size_t taken_position_ = 0;  // used only by the consumer
  std::move_only_function<void()> on_change_;
};

// The consumer's end; destroying it abandons the unread rest.
std::unique_ptr<ByteSource> make_pipe_source(std::shared_ptr<BodyPipe> pipe);

}  // namespace tidemill::wire
