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

// Receives a socket's events, on its loop's thread. Each wait holds it by shared_ptr, so that it
// outlives the wait.
class SocketEvents {
 public:
  virtual ~SocketEvents() = default;
  // `count` bytes lie in the buffer of async_read(); 0 without an error means end of stream.
  virtual void on_read(std::error_code error, std::size_t count) = 0;
  // There is room to write, or the connection has been made.
  virtual void on_writable(std::error_code error) = 0;
};

// Use only on its loop's thread. At most one read and one wait to write at a time.
class Socket {
 public:
  explicit Socket(runtime::EventLoop& loop);
  // Takes a connected descriptor, which becomes non-blocking.
  Socket(runtime::EventLoop& loop, int descriptor);
  ~Socket();
  Socket(Socket&&) noexcept;

  // on_writable() gets the result. `network`: the address's namespace; nullptr: our own.
  void async_connect_tcp(const std::string& ip_address, std::uint16_t port,
                         std::shared_ptr<SocketEvents> events,
                         const runtime::NetworkNamespace* network = nullptr);
  // The path may have any length, although the kernel's own limit is 107 bytes.
  void async_connect_unix(const std::string& path, std::shared_ptr<SocketEvents> events);
  void async_read(std::span<char> buffer, std::shared_ptr<SocketEvents> events);
  void async_wait_writable(std::shared_ptr<SocketEvents> events);

  struct Sent {
    std::size_t count = 0;
    bool blocked = false;  // no room at the moment
    std::error_code error;
  };
  // Sends both pieces with one system call.
  Sent send(std::string_view first, std::string_view second = {});

  // Sent bytes that the kernel still keeps, because the peer has not acknowledged them.
  std::uint64_t unacknowledged_bytes() const;

  bool is_open() const;
  // There are bytes to read, or the peer has closed. Does not take any bytes.
  bool has_input_or_ended() const;
  void shutdown_write();
  // Makes close() discard unsent bytes and reset the connection. By default the kernel keeps them,
  // perhaps megabytes, for as long as the peer stays connected.
  void discard_unsent_on_close();
  // Pending waits complete with an error.
  void close();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tidemill::wire
