// One connection of the client: one exchange at a time.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "runtime/event_loops.h"
#include "wire/client/http_client.h"
#include "wire/http_input_buffer.h"
#include "wire/http_parser.h"
#include "wire/http_socket.h"

namespace tidemill::wire {

// A request on its way through the client.
struct Exchange {
  Destination destination;
  std::string head;  // encoded
  std::string body;
  bool head_only = false;
  bool idempotent = false;
  bool retried = false;
  std::uint64_t response_bytes_max = 0;
  SharedBudget* budget = nullptr;
  SharedBudget::Hold held;                         // for the response's memory
  std::chrono::steady_clock::time_point deadline;  // for a stream: of its next event
  HttpClient::Callback callback;                   // empty for a stream

  struct Stream {
    std::shared_ptr<ResponseStream> handle;  // shared with the caller
    StreamCallbacks callbacks;
    std::chrono::milliseconds idle_timeout;
    std::chrono::steady_clock::time_point deadline;  // of the whole stream
  };
  std::shared_ptr<Stream> stream;  // shared: a callback that cancels ends its own exchange

  // The final report to the caller. A stream's response has been delivered before.
  void finish(Result<ClientResponse> result);
  bool cancelled() const { return stream && stream->handle->cancelled_; }
};

// The owner of the connections of one loop.
class ConnectionOwner {
 public:
  virtual ~ConnectionOwner() = default;
  // The exchange has ended and the connection can take another.
  virtual void became_idle(const std::shared_ptr<ClientConnection>& connection) = 0;
  // The connection is closed. `unsent` is set when it was a kept one that its server closed before
  // a byte of the answer came.
  virtual void became_closed(const std::shared_ptr<ClientConnection>& connection,
                             std::unique_ptr<Exchange> unsent) = 0;
};

// Use only on its loop's thread.
class ClientConnection final : public SocketEvents,
                               public std::enable_shared_from_this<ClientConnection> {
 public:
  ClientConnection(runtime::EventLoop& loop, ConnectionOwner& owner, Destination destination,
                   const HttpClientOptions& options);

  // Sends the request, connecting first when needed. The connection must be idle.
  void start(std::unique_ptr<Exchange> exchange);
  // Fails the current exchange.
  void close(Error reason);
  // The current stream was paused or resumed.
  void pause_changed();
  const Destination& destination() const { return destination_; }

  void on_read(std::error_code error, std::size_t count) override;
  void on_writable(std::error_code error) override;

 private:
  enum class State : std::uint8_t { fresh, connecting, head, body, idle, closed };
  void send();
  void arm_read();
  void arm_timer();
  void timer_fired();
  void parse();
  bool parse_head();
  bool parse_body();
  bool deliver_chunk();
  bool hold_body(std::uint64_t bytes);
  bool paused() const;
  void progressed();
  void complete();
  void broken(const std::string& reason);
  void finish(Result<ClientResponse> result);
  void shut(std::unique_ptr<Exchange> unsent);

  ConnectionOwner& owner_;
  const Destination destination_;
  const HttpClientOptions& options_;
  Socket socket_;
  runtime::Timer timer_;
  State state_ = State::fresh;
  std::unique_ptr<Exchange> exchange_;
  std::size_t sent_bytes_ = 0;
  bool reused_ = false;  // this exchange is not the connection's first
  bool read_armed_ = false;
  bool write_armed_ = false;
  bool timer_armed_ = false;
  std::chrono::steady_clock::time_point timer_due_;
  std::chrono::steady_clock::time_point idle_since_;
  InputBuffer input_;
  HeadScanner scanner_;
  HttpLimits limits_;
  ResponseHead head_;
  BodyDecoder decoder_;
  std::string body_;
};

}  // namespace tidemill::wire
