// A resolver in each job's network: UDP and TCP sockets on event loops, answered at once.
#pragma once

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
// Of one job at the same time, over TCP; more are closed.
inline constexpr std::size_t dns_connections_max = 16;
// A connection is closed then, whatever it does.
inline constexpr std::chrono::seconds dns_connection_time{10};

// Thread-safe, but never called on a loop's thread.
class NameServer {
 public:
  // `loops` outlives this.
  NameServer(runtime::EventLoops& loops, IsHere is_here);
  ~NameServer();  // stop()

  // Answers in one more network: `datagrams` is a bound UDP socket of it, `listener` a TCP one that
  // listens.
  void open(const std::string& job, Descriptor datagrams, Descriptor listener);
  // The job is over. Idempotent.
  void close(const std::string& job);
  // Closes all, and opens no more. Idempotent.
  void stop();

 private:
  class Door;
  runtime::EventLoops& loops_;
  const IsHere is_here_;
  std::mutex mutex_;
  // Shared: with the loop that it lives on. Guarded by mutex_.
  std::map<std::string, std::shared_ptr<Door>> doors_;
  std::size_t doors_made_ = 0;  // guarded by mutex_
  bool stopped_ = false;        // guarded by mutex_
};

}  // namespace tidemill::wire
