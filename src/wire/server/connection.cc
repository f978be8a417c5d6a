#include "wire/server/connection.h"

#include <exception>

#include "base/limits.h"
#include "base/log.h"

namespace tidemill::wire {
namespace {

constexpr std::size_t head_read_bytes = 8 * 1024;
constexpr std::size_t body_read_bytes = 256 * 1024;
constexpr std::size_t tls_read_bytes = 32 * 1024;
// Answers to pipelined requests are gathered up to here before they are sent.
constexpr std::size_t coalesced_bytes_max = 64 * 1024;
// How long the last answer may take to reach a client that is still sending.
constexpr std::chrono::seconds linger_time{5};
constexpr std::uint64_t linger_bytes_max = 64u << 20;

// What a handler gets as its Respond. Dropping it unused answers 500: a client never waits in vain.
class Responder {
 public:
  Responder(std::shared_ptr<Connection> connection, std::uint64_t serial)
      : connection_(std::move(connection)), serial_(serial) {}
  Responder(Responder&&) noexcept = default;
  Responder& operator=(Responder&&) = delete;
  ~Responder() {
    if (!connection_) return;
    HttpResponse response;
    response.status = 500;
    response.headers.add("Content-Type", "text/plain");
    response.body = "The request was dropped before it was answered.\n";
    std::move(connection_)->respond(serial_, std::move(response));
  }
  void operator()(HttpResponse response) {
    std::shared_ptr<Connection> connection = std::move(connection_);
    if (connection) connection->respond(serial_, std::move(response));
  }

 private:
  std::shared_ptr<Connection> connection_;
  std::uint64_t serial_;
};

}  // namespace

Connection::Connection(std::shared_ptr<LoopServer> server, Socket socket,
                       std::string remote_address)
    : server_(std::move(server)),
      shared_(server_->shared()),
      socket_(std::move(socket)),
      remote_address_(std::move(remote_address)),
      since_(server_->now()) {
  if (!shared_.tls) return;
  tls_ = std::make_unique<TlsSession>(*shared_.tls);
  tls_ciphertext_ = std::make_unique_for_overwrite<char[]>(tls_read_bytes);
}

Connection::~Connection() = default;

void Connection::start() { arm_read(); }

// Everything that changes the state ends here. Re-entered (an answer from within handle()) it
// leaves the work to the outer call.
void Connection::run() {
  if (running_ || closed_) return;
  running_ = true;
  do {
    while (!closed_ && step()) {
    }
  } while (!closed_ && flush());
  running_ = false;
  if (!closed_) arm_read();
}

// True when it got further and should be called again.
bool Connection::step() {
  switch (reading_) {
    case Reading::head:
      return step_head();
    case Reading::body:
      return step_body();
    case Reading::stream:
      return step_stream();
    case Reading::discard:
      return step_discard();
    case Reading::complete:
      if (writing_ != Writing::idle || close_after_) return false;
      enter(Reading::head);
      return true;
    case Reading::linger:
      input_.consume(input_.view().size());
      if (peer_ended_ || discarded_bytes_ > linger_bytes_max) close();
      return false;
  }
  return false;
}

void Connection::enter(Reading reading) {
  reading_ = reading;
  since_ = server_->now();
  window_body_bytes_ = 0;
  if (reading != Reading::head) return;
  head_begun_ = !input_.empty();
  if (!read_armed_) input_.release_if_empty(head_read_bytes);
}

bool Connection::step_head() {
  held_back_ = out_.size() - out_sent_ >= coalesced_bytes_max;
  if (held_back_) return false;
  if (input_.empty()) {
    if (peer_ended_ && out_.empty() && tls_out_.empty()) close();
    return false;
  }
  Parsed<std::size_t> length = scanner_.scan(input_.view(), shared_.options.limits);
  if (length && *length == 0) {
    if (!peer_ended_) return false;
    length = std::unexpected(BadMessage{400, "The connection ended inside a request's head."});
  }
  head_ = RequestHead();
  scanner_.reset();
  if (!length) {
    reject(length.error().status, length.error().reason);
    return true;
  }
  const Parsed<void> parsed =
      parse_request_head(input_.view().substr(0, *length), shared_.options.limits, head_);
  input_.consume(*length);
  if (!parsed) {
    reject(parsed.error().status, parsed.error().reason);
    return true;
  }
  if (Result<void> target = parse_target(head_.request); !target) {
    reject(400, target.error().message);
    return true;
  }
  begin_body();
  return true;
}

void Connection::begin_body() {
  head_.request.remote_address = remote_address_;
  head_.request.tls = tls_ != nullptr;
  first_request_ = false;
  if (head_.framing.kind == BodyKind::none) {
    reading_ = Reading::complete;
    dispatch();
    return;
  }
  decoder_ = BodyDecoder(head_.framing, shared_.options.limits);
  if (head_.expect_continue && input_.empty()) out_.append("HTTP/1.1 100 Continue\r\n\r\n");
  if (head_.framing.content_length > limits::buffered_body_bytes_max) {
    become_stream();
    return;
  }
  head_.request.body.reserve(head_.framing.content_length);
  enter(Reading::body);
}

bool Connection::step_body() {
  std::string& body = head_.request.body;
  // One byte past the limit tells that an unknown length has passed it.
  const std::size_t room = limits::buffered_body_bytes_max + 1 - body.size();
  if (!feed_decoder(room, body)) return true;
  if (decoder_.done()) {
    reading_ = Reading::complete;
    dispatch();
    return true;
  }
  if (body.size() > limits::buffered_body_bytes_max) {
    become_stream();
    return true;
  }
  if (peer_ended_) {
    body_failed(400, codes::kIo, "The connection ended inside the request's body.");
    return true;
  }
  return false;
}

// Hands the rest of the body, and what came of it already, to the handler as a stream.
void Connection::become_stream() {
  std::optional<std::uint64_t> size;
  if (head_.framing.kind == BodyKind::length) size = head_.framing.content_length;
  // Weak: the pipe may outlive the connection in the handler's hands, and the connection owns it.
  auto on_change = [weak = weak_from_this(), &loop = server_->loop()] {
    loop.post([weak] {
      if (std::shared_ptr<Connection> self = weak.lock()) self->run();
    });
  };
  pipe_ =
      std::make_shared<BodyPipe>(shared_.options.body_pipe_bytes_max, size, std::move(on_change));
  pipe_->push(head_.request.body);
  head_.request.body = std::string();
  head_.request.stream = make_pipe_source(pipe_);
  pipe_full_ = false;
  enter(Reading::stream);
  dispatch();
}

bool Connection::step_stream() {
  if (pipe_->abandoned()) {
    pipe_.reset();
    discarded_bytes_ = 0;
    enter(Reading::discard);
    return true;
  }
  const std::size_t room = pipe_->room();
  const bool was_full = std::exchange(pipe_full_, room == 0);
  if (pipe_full_) return false;
  if (was_full) since_ = server_->now();  // the wait was not the client's fault
  std::string bytes;
  if (!feed_decoder(room, bytes)) return true;
  pipe_->push(bytes);
  if (decoder_.done()) {
    pipe_->finish();
    pipe_.reset();
    enter(Reading::complete);
    return true;
  }
  if (!input_.empty()) return true;
  if (peer_ended_) body_failed(400, codes::kIo, "The client closed the connection.");
  return peer_ended_;
}

bool Connection::step_discard() {
  std::string bytes;
  if (!feed_decoder(std::string::npos, bytes)) return true;
  discarded_bytes_ += bytes.size();
  const std::uint64_t expected =
      head_.framing.kind == BodyKind::length ? decoder_.remaining_bytes() : 0;
  if (!decoder_.done() && !peer_ended_ &&
      discarded_bytes_ + expected <= shared_.options.unread_body_bytes_max)
    return false;
  if (!decoder_.done()) close_after_ = true;
  enter(Reading::complete);
  return true;
}

// False when the framing is broken, which has been dealt with then.
bool Connection::feed_decoder(std::size_t room, std::string& out) {
  Parsed<std::size_t> taken = decoder_.feed(input_.view(), room, out);
  if (!taken) {
    body_failed(taken.error().status, codes::kInvalid, taken.error().reason);
    return false;
  }
  input_.consume(*taken);
  window_body_bytes_ += *taken;
  return true;
}

// The rest of the body will not come. The handler has the word when it has the stream already.
void Connection::body_failed(int status, const char* code, const std::string& reason) {
  if (reading_ == Reading::body) {
    reject(status, reason);
    return;
  }
  if (pipe_) pipe_->fail(Error{code, reason, status});
  pipe_.reset();
  close_after_ = true;
  enter(Reading::complete);
}

void Connection::dispatch() {
  shared_.counters.requests.fetch_add(1, std::memory_order_relaxed);
  shared_.counters.requests_active.fetch_add(1, std::memory_order_relaxed);
  writing_ = Writing::awaiting;
  ++serial_;
  head_only_ = head_.request.method == "HEAD";
  handling_ = true;
  try {
    shared_.handler.handle(std::move(head_.request), Responder(shared_from_this(), serial_));
  } catch (const std::exception& error) {
    // The Responder has answered 500 when it was destroyed.
    log::error("http handler failed", {{"error", error.what()}});
  }
  handling_ = false;
  if (!inline_response_) return;
  HttpResponse response = std::move(*inline_response_);
  inline_response_.reset();
  start_response(std::move(response));
}

void Connection::reject(int status, const std::string& reason) {
  shared_.counters.requests_bad.fetch_add(1, std::memory_order_relaxed);
  shared_.counters.requests_active.fetch_add(1, std::memory_order_relaxed);
  close_after_ = true;
  head_only_ = head_.request.method == "HEAD";
  ++serial_;
  writing_ = Writing::awaiting;
  enter(Reading::complete);
  start_response(shared_.bad_request_response(status, reason));
}

bool Connection::wants_input() const {
  if (peer_ended_) return false;
  switch (reading_) {
    case Reading::head:
      return out_.size() - out_sent_ < coalesced_bytes_max;
    case Reading::stream:
      return !pipe_full_;
    case Reading::complete:
      return false;
    default:
      return true;
  }
}

void Connection::arm_read() {
  if (read_armed_ || !wants_input()) return;
  read_armed_ = true;
  if (tls_) {
    socket_.async_read({tls_ciphertext_.get(), tls_read_bytes}, shared_from_this());
    return;
  }
  std::size_t wanted = head_read_bytes;
  if (reading_ != Reading::head) {
    wanted = body_read_bytes;
    if (reading_ == Reading::body && head_.framing.kind == BodyKind::length)
      wanted = std::clamp<std::size_t>(decoder_.remaining_bytes(), head_read_bytes, wanted);
  }
  socket_.async_read(input_.room(wanted), shared_from_this());
}

// Puts what the socket delivered into input_; false when TLS cannot go on.
bool Connection::take_input(std::size_t count) {
  if (!tls_) {
    input_.committed(count);
    return true;
  }
  std::string plaintext;
  const TlsSession::Fed fed = tls_->feed({tls_ciphertext_.get(), count}, plaintext);
  if (!plaintext.empty()) input_.append(plaintext);
  if (fed == TlsSession::Fed::closed) peer_ended_ = true;
  return fed != TlsSession::Fed::failed;
}

void Connection::on_read(std::error_code error, std::size_t count) {
  read_armed_ = false;
  if (closed_) return;
  if (error) {
    close();
    return;
  }
  shared_.counters.bytes_received.fetch_add(count, std::memory_order_relaxed);
  if (reading_ == Reading::linger) discarded_bytes_ += count;
  if (count == 0) {
    peer_ended_ = true;
  } else if (!take_input(count)) {
    send_pending();  // the alert, when there is room for it
    close();
    return;
  }
  if (reading_ == Reading::head && !head_begun_ && !input_.empty()) {
    head_begun_ = true;
    since_ = server_->now();
  }
  run();
}

void Connection::check_deadlines(SteadyTime now) {
  const HttpServerOptions& options = shared_.options;
  if (closed_) return;
  if (write_armed_ && now - write_since_ >= options.progress_timeout) {
    shared_.counters.timeouts.fetch_add(1, std::memory_order_relaxed);
    close();
    return;
  }
  const auto waited = now - since_;
  if (reading_ == Reading::linger && waited >= linger_time) {
    close();
  } else if (reading_ == Reading::head) {
    if (waited < (head_begun_ || first_request_ ? options.head_timeout : options.idle_timeout))
      return;
    if (!head_begun_) {
      close();  // nothing was asked, so there is nothing to answer
      return;
    }
    shared_.counters.timeouts.fetch_add(1, std::memory_order_relaxed);
    head_ = RequestHead();
    reject(408, "The request's head did not arrive in time.");
    run();
  } else if (reading_ == Reading::body || reading_ == Reading::stream ||
             reading_ == Reading::discard) {
    if (pipe_full_ && reading_ == Reading::stream) return;
    if (waited < options.progress_timeout) return;
    if (window_body_bytes_ >= options.slow_body_bytes_min) {
      since_ = now;
      window_body_bytes_ = 0;
      return;
    }
    shared_.counters.timeouts.fetch_add(1, std::memory_order_relaxed);
    body_failed(408, codes::kTimeout, "The request's body did not arrive in time.");
    run();
  }
}

void Connection::begin_stop() {
  const bool idle = reading_ == Reading::head && !head_begun_ && out_.empty();
  if (idle || reading_ == Reading::linger) close();
}

void Connection::close() {
  if (closed_) return;
  closed_ = true;
  if (pipe_) pipe_->fail(Error{codes::kIo, "The client closed the connection.", 400});
  pipe_.reset();
  if (writing_ != Writing::idle)
    shared_.counters.requests_active.fetch_sub(1, std::memory_order_relaxed);
  writing_ = Writing::idle;
  file_.reset();
  stream_.reset();
  fetch_timer_.reset();
  socket_.close();
  server_->remove(shared_from_this());
}

}  // namespace tidemill::wire
