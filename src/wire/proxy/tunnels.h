// Carries bytes between a client and another host without reading them, for CONNECT.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "runtime/worker_pool.h"
#include "wire/http.h"
#include "wire/proxy/tunnel_target.h"

namespace tidemill::wire {

struct TunnelOptions {
  std::size_t tunnels_max = 256;  // at the same time, including those being opened
  std::chrono::milliseconds idle_timeout = std::chrono::minutes(5);
  // Time to connect, divided between a name's addresses.
  std::chrono::milliseconds connect_timeout = std::chrono::seconds(15);
  // The reason to refuse an IP address; nullopt: allowed. Called on any thread.
  std::function<std::optional<std::string>(const std::string&)> refusal = tunnel_refusal;
};

struct TunnelCounts {
  std::uint64_t active = 0;
  std::uint64_t opened = 0, refused = 0, bytes = 0;  // since the start
};

struct TunnelsState;

class Tunnels {
 public:
  explicit Tunnels(TunnelOptions options);
  ~Tunnels();  // calls stop()

  // Call on an event loop's thread. Looks up the name, connects, and answers 200 with the
  // connection's upgrade; otherwise 403 (refused: tunnel_target.h), 502, 503 (too many) or 504 with
  // a line of text. It connects to exactly the address that it checked.
  void open(std::string host, std::uint16_t port, HttpHandler::Respond respond);
  // Cuts all tunnels. Call before the loops stop, not on a loop's thread. Idempotent.
  void stop();

  TunnelCounts counts() const;

 private:
  // Shared with the tunnels: loops may hold some after this object is gone.
  const std::shared_ptr<TunnelsState> state_;
  runtime::WorkerPool resolvers_;  // name look-ups block
};

}  // namespace tidemill::wire
