// A resolver in each job's network: UDP and TCP sockets on event loops, answered at once.
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/descriptor.h"
#include "runtime/event_loops.h"
#include "wire/dns/dns_message.h"

namespace tidemill::wire {

inline constexpr std::uint16_t dns_port = 53;
// Limit of TCP connections of one job; further ones are closed.
inline constexpr std::size_t dns_connections_max = 16;
// The default limit of TCP connections of all jobs together.
inline constexpr std::size_t dns_connections_total_max = 256;
// A connection is closed after this time in any case.
inline constexpr std::chrono::seconds dns_connection_time{10};

// Thread-safe, but never called on a loop's thread.
class NameServer {
 public:
  // `loops` must outlive this object. `connections_max`: of TCP, of all jobs together; further ones
  // are closed. Datagrams, in which resolvers ask first, need no descriptors.
  NameServer(runtime::EventLoops& loops, IsHere is_here,
             std::size_t connections_max = dns_connections_total_max);
  ~NameServer();  // calls stop()

  // Starts answering in one more network: `datagrams` is a bound UDP socket in it, `listener` a
  // listening TCP socket.
  void open(const std::string& job, Descriptor datagrams, Descriptor listener);
  // Call when the job is over. Idempotent.
  void close(const std::string& job);
  // Closes all doors and opens no more. Idempotent.
  void stop();

 private:
  class Door;
  runtime::EventLoops& loops_;
  const IsHere is_here_;
  const std::size_t connections_max_;
  // Shared with the doors, which may outlive this object on their loops.
  const std::shared_ptr<std::atomic<std::size_t>> connections_;
  std::mutex mutex_;
  // Shared with the loop on which each door lives. Guarded by mutex_.
  std::map<std::string, std::shared_ptr<Door>> doors_;
  std::size_t doors_made_ = 0;  // guarded by mutex_
  bool stopped_ = false;        // guarded by mutex_
};

}  // namespace tidemill::wire
