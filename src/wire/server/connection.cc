#include "wire/server/connection.h"

#include <algorithm>
#include <exception>

#include "base/limits.h"
#include "base/log.h"

namespace tidemill::wire {
namespace {

constexpr std::uint64_t linger_bytes_max = 64u << 20;

// A handler's Respond. Dropping it unused answers 500: a client never waits in vain.
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
  if (!server_->tls()) return;
  tls_ = std::make_unique<TlsSession>(*server_->tls());
  tls_ciphertext_ = std::make_unique_for_overwrite<char[]>(tls_read_bytes);
}

Connection::~Connection() = default;

void Connection::start() { arm_read(); }

// Every state change ends here. When re-entered (an answer from within handle()) it leaves the work
// to the outer call.
void Connection::run() {
  if (running_ || closed_) return;
  running_ = true;
  do {
    while (!closed_ && step()) {
    }
  } while (!closed_ && flush());
  running_ = false;
  if (!closed_ && server_->stopping()) begin_stop();
  if (!closed_) arm_read();
}

// True when it made progress and should be called again.
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
      if (writing_ != Writing::idle || close_after_ || upgrade_) return false;
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
  if (tls_) head_.request.headers.add(tls_version_field, tls_->version());
  head_.request.job = server_->door().job;
  // A door for all AWS names only serves the name that the client requested in TLS.
  head_.request.tunnel_host = tls_ && tunnel_host_.empty() ? tls_->chosen_host() : tunnel_host_;
  first_request_ = false;
  if (head_.framing.kind == BodyKind::none) {
    reading_ = Reading::complete;
    dispatch();
    return;
  }
  decoder_ = BodyDecoder(head_.framing, shared_.options.limits);
  admitted_ = false;
  kept_bytes_max_ = shared_.options.unadmitted_body_bytes_max;
  const std::uint64_t length = head_.framing.content_length;
  const bool asks = head_.expect_continue && input_.empty();
  if ((asks || length > kept_bytes_max_) && !admit(!asks)) return;
  if (asks) out_.append("HTTP/1.1 100 Continue\r\n\r\n");
  if (admitted_ && length > gathered_bytes_max_) {
    become_stream();
    return;
  }
  // This reserves only address space: memory is used as bytes come.
  head_.request.body.reserve(length);
  enter(Reading::body);
}

// Asks the handler about a request whose body is to come, unless the client waits for "100
// Continue"; false when it was refused.
bool Connection::admit(bool body_comes) {
  auto answer = shared_.handler.admit(head_.request);
  if (!answer) {
    refuse(std::move(answer.error()), body_comes);
    return false;
  }
  admitted_ = true;
  head_.request.admission = *std::move(answer);
  Admission* const admission = head_.request.admission.get();
  gathered_bytes_max_ = admission ? admission->gathered_bytes_max : limits::buffered_body_bytes_max;
  kept_bytes_max_ = 0;
  if (!admission || head_.framing.content_length <= gathered_bytes_max_) return keep_more();
  // Too large to be gathered, which is known before any byte of it was read.
  std::optional<HttpResponse> refusal = admission->keep(
      admission->streams ? shared_.options.body_pipe_bytes_max : head_.framing.content_length);
  if (refusal) refuse(*std::move(refusal));
  return !refusal;
}

// The next step of a gathered body; false when it was refused.
bool Connection::keep_more() {
  Admission* const admission = head_.request.admission.get();
  if (!admission) {
    kept_bytes_max_ = gathered_bytes_max_;
    return true;
  }
  std::uint64_t wanted = kept_bytes_max_ + shared_.options.body_step_bytes;
  if (head_.framing.kind == BodyKind::length)
    wanted = std::min(wanted, head_.framing.content_length);
  wanted = std::min(wanted, gathered_bytes_max_);
  if (std::optional<HttpResponse> refusal = admission->keep(wanted)) {
    refuse(*std::move(refusal));
    return false;
  }
  kept_bytes_max_ = wanted;
  return true;
}

bool Connection::step_body() {
  std::string& body = head_.request.body;
  if (!decoder_.done()) {
    // One more byte than allowed shows that the body exceeds the limit.
    const std::size_t room = kept_bytes_max_ + 1 - body.size();
    if (!feed_decoder(room, body)) return true;
  }
  if (body.size() > kept_bytes_max_) return pass_limit();
  if (decoder_.done()) {
    reading_ = Reading::complete;
    dispatch();
    return true;
  }
  if (peer_ended_) {
    body_failed(400, codes::kIo, "The connection ended inside the request's body.");
    return true;
  }
  return false;
}

// The body exceeds what may be kept now. Always true: there is a further step.
bool Connection::pass_limit() {
  if (!admitted_ && !admit(true)) return true;
  const std::size_t size = head_.request.body.size();
  while (size > kept_bytes_max_ && kept_bytes_max_ < gathered_bytes_max_)
    if (!keep_more()) return true;
  if (size <= kept_bytes_max_) return true;
  Admission* const admission = head_.request.admission.get();
  if (!admission || admission->streams) {
    become_stream();
  } else if (std::optional<HttpResponse> refusal = admission->keep(size)) {
    refuse(*std::move(refusal));
  } else {
    reject(413, "The request's body is too large.");
  }
  return true;
}

// Hands the body to the handler as a stream, including the bytes that have come already.
void Connection::become_stream() {
  std::optional<std::uint64_t> size;
  if (head_.framing.kind == BodyKind::length) size = head_.framing.content_length;
  // Weak: the handler may keep the pipe longer than the connection, which owns the pipe.
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

// False when the framing is broken; the error has been handled then.
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

// The rest of the body will not come. A handler that already has the stream gets the error.
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
    // The Responder answered 500 in its destructor.
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
  refuse(shared_.bad_request_response(status, reason));
}

// Answers a request whose rest is not wanted. Usually the connection's last answer, because the
// unread body must not be taken for a request; but a short body that will surely come is read and
// discarded.
void Connection::refuse(HttpResponse response, bool body_comes) {
  shared_.counters.requests_active.fetch_add(1, std::memory_order_relaxed);
  const bool discards = body_comes && head_.framing.kind == BodyKind::length &&
                        decoder_.remaining_bytes() <= shared_.options.unread_body_bytes_max;
  if (!discards) close_after_ = true;
  discarded_bytes_ = 0;
  head_only_ = head_.request.method == "HEAD";
  head_.request.body = std::string();
  head_.request.admission.reset();
  ++serial_;
  writing_ = Writing::awaiting;
  enter(discards ? Reading::discard : Reading::complete);
  start_response(std::move(response));
}

}  // namespace tidemill::wire
