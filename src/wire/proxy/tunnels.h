// Bytes carried between a client and another host, unread: what CONNECT asks for.
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
  std::size_t tunnels_max = 256;  // at the same time, those that are being opened included
  std::chrono::milliseconds idle_timeout = std::chrono::minutes(5);
  // To be connected; each of a name's addresses has its share.
  std::chrono::milliseconds connect_timeout = std::chrono::seconds(15);
  // Why no tunnel leads to an IP address; nullopt: one does. Any thread.
  std::function<std::optional<std::string>(const std::string&)> refusal = tunnel_refusal;
};

struct TunnelsState;

class Tunnels {
 public:
  explicit Tunnels(TunnelOptions options);
  ~Tunnels();  // stop()

  // On an event loop's thread. Looks the name up, connects, and answers 200 with the connection's
  // upgrade; else 403 (no tunnel leads there: tunnel_target.h), 502, 503 (too many) or 504 with a
  // line of text. The address that was checked is the one that is connected to.
  void open(std::string host, std::uint16_t port, HttpHandler::Respond respond);
  // Cuts all. Before the loops stop; not from a loop's thread. Idempotent.
  void stop();

  // Prometheus text.
  std::string metrics_text() const;

 private:
  // Shared: with the tunnels, of which a loop may still hold some when this is gone.
  const std::shared_ptr<TunnelsState> state_;
  runtime::WorkerPool resolvers_;  // name look-ups block
};

}  // namespace tidemill::wire
