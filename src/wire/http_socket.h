// A stream socket (TCP or unix) on an event loop: reads complete through Asio, writes are plain
// non-blocking system calls with a wait for room.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <system_error>

#include "runtime/event_loops.h"
#include "runtime/network_namespace.h"

namespace tidemill::wire {

// Who hears of a socket's events, on its loop's thread. Each wait holds it by shared_ptr, so that
// it outlives what it waits for.
class SocketEvents {
 public:
  virtual ~SocketEvents() = default;
  // `count` bytes lie in the buffer of async_read(); 0 without an error means end of stream.
  virtual void on_read(std::error_code error, std::size_t count) = 0;
  // Room to write, or the connection is made.
  virtual void on_writable(std::error_code error) = 0;
};

// Only its loop's thread touches it. At most one read and one wait to write at a time.
class Socket {
 public:
  explicit Socket(runtime::EventLoop& loop);
  // Takes a connected descriptor, which becomes non-blocking.
  Socket(runtime::EventLoop& loop, int descriptor);
  ~Socket();
  Socket(Socket&&) noexcept;

  // on_writable() says how it went. `network`: where the address is meant; nullptr: here.
  void async_connect_tcp(const std::string& ip_address, std::uint16_t port,
                         std::shared_ptr<SocketEvents> events,
                         const runtime::NetworkNamespace* network = nullptr);
  // Of any length, although the kernel's own limit is 107 bytes.
  void async_connect_unix(const std::string& path, std::shared_ptr<SocketEvents> events);
  void async_read(std::span<char> buffer, std::shared_ptr<SocketEvents> events);
  void async_wait_writable(std::shared_ptr<SocketEvents> events);

  struct Sent {
    std::size_t count = 0;
    bool blocked = false;  // no room now
    std::error_code error;
  };
  // Gathers two pieces into one system call. `more_follows`: the kernel may wait for it to fill a
  // segment.
  Sent send(std::string_view first, std::string_view second = {}, bool more_follows = false);
  Sent send_file(int descriptor, std::uint64_t offset, std::uint64_t length);

  // Of what was sent, what the kernel still keeps, since the peer has not taken it.
  std::uint64_t unacknowledged_bytes() const;

  bool is_open() const;
  // Something lies there to be read, or the peer has closed. A look, which takes nothing.
  bool has_input_or_ended() const;
  void shutdown_write();
  // What close() finds unsent in the kernel goes then; as a rule the kernel keeps it, megabytes
  // perhaps, for as long as the peer is there. The peer hears of a reset.
  void discard_unsent_on_close();
  // Waits that are under way complete with an error.
  void close();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tidemill::wire
