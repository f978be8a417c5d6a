// A response body on its way from whoever makes it to the connection that sends it, while it is
// made: a bounded pipe of which neither end blocks, so that a stream costs memory and no thread.
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
    room,  // after push() said that there is none: the connection has taken what waited
    gone,  // nobody will read the rest: the client left, was too slow, or the server stops
  };

  PushWriter() = default;
  explicit PushWriter(std::shared_ptr<PushState> state) : state_(std::move(state)) {}
  ~PushWriter();
  PushWriter(PushWriter&&) noexcept = default;
  PushWriter& operator=(PushWriter&& other) noexcept;

  // Who hears of room and of the end: on the thread of the connection's loop as a rule, without a
  // lock held, `gone` at most once and last. When it has happened already the call comes at once.
  void on_event(std::move_only_function<void(Event)> listener);
  // Takes the bytes in any case. False: no more until Event::room. Bytes after `gone` vanish.
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
  // Everything that waits. When that is nothing, `wake` comes once there is something, on the
  // producer's thread.
  Taken take();
  // Set before the first take(); does not outlive the reader.
  void on_wake(std::move_only_function<void()> wake);

 private:
  std::shared_ptr<PushState> state_;
};

struct PushBody {
  PushWriter writer;
  std::unique_ptr<PushReader> reader;
};
// push() asks for a pause when this much waits.
PushBody make_push_body(std::size_t capacity_bytes = push_body_bytes_max);

}  // namespace tidemill
