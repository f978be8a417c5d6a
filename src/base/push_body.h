// A response body that is sent while it is produced: a bounded pipe on which neither end blocks, so
// that a stream costs memory but no thread.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "base/error.h"

namespace tidemill {

struct PushState;

inline constexpr std::size_t push_body_bytes_max = 64 * 1024;

// The producer's end. One thread at a time. Destroying it before finish() is a failure: the
// connection is cut, so that the client does not take half a body for a whole one.
class PushWriter {
 public:
  enum class Event : std::uint8_t {
    room,  // after push() returned false: the connection has taken the waiting bytes
    gone,  // nobody will read the rest: the client left or was too slow, or the server stops
  };

  PushWriter() = default;
  explicit PushWriter(std::shared_ptr<PushState> state) : state_(std::move(state)) {}
  ~PushWriter();
  PushWriter(PushWriter&&) noexcept = default;
  PushWriter& operator=(PushWriter&& other) noexcept;

  // The listener for room and the end. It usually runs on the loop thread of the connection,
  // without locks held; `gone` comes at most once and last. Past events are reported at once.
  void on_event(std::move_only_function<void(Event)> listener);
  // Always takes the bytes. False: pause until Event::room. Bytes after `gone` are dropped.
  bool push(std::string bytes);
  void finish();
  void fail(Error error);  // cuts the connection
  bool gone() const;

 private:
  std::shared_ptr<PushState> state_;  // shared with the reader
};

// The connection's end. Destroying it tells the producer `gone`, unless all was read.
class PushReader {
 public:
  explicit PushReader(std::shared_ptr<PushState> state) : state_(std::move(state)) {}
  ~PushReader();
  PushReader(const PushReader&) = delete;
  PushReader& operator=(const PushReader&) = delete;

  struct Taken {
    std::string bytes;
    bool ended = false;  // nothing follows
    Result<void> failure;
  };
  // All waiting bytes. When there are none, `wake` is called once there are some, on the producer's
  // thread.
  Taken take();
  // Call before the first take(). The callback does not outlive the reader.
  void on_wake(std::move_only_function<void()> wake);

 private:
  std::shared_ptr<PushState> state_;
};

struct PushBody {
  PushWriter writer;
  std::unique_ptr<PushReader> reader;
};
// push() asks for a pause at this many waiting bytes.
PushBody make_push_body(std::size_t capacity_bytes = push_body_bytes_max);

}  // namespace tidemill
