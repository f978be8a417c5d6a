#include "wire/client/client_connection.h"

#include <algorithm>
#include <utility>

namespace tidemill::wire {
namespace {

constexpr std::size_t read_bytes = 16 * 1024;
constexpr std::size_t body_read_bytes = 256 * 1024;
// Size of one read of a stream: the most that an unread piece costs here and on its way out.
constexpr std::size_t stream_read_bytes = 64 * 1024;
constexpr std::size_t reserved_bytes_max = 1u << 20;
// A response's body may have this much without asking the budget; then its share doubles.
constexpr std::size_t free_body_bytes_max = 64 * 1024;

}  // namespace

ClientConnection::ClientConnection(runtime::EventLoop& loop, ConnectionOwner& owner,
                                   Destination destination, const HttpClientOptions& options)
    : owner_(owner),
      destination_(std::move(destination)),
      options_(options),
      socket_(loop),
      timer_(loop) {
  limits_.head_bytes_max = options.head_bytes_max;
}

void ClientConnection::start(std::unique_ptr<Exchange> exchange) {
  exchange_ = std::move(exchange);
  sent_bytes_ = 0;
  head_ = ResponseHead();
  body_.clear();
  scanner_.reset();
  if (exchange_->stream) exchange_->stream->handle->connection_ = weak_from_this();
  limits_.body_bytes_max = exchange_->response_bytes_max;
  arm_timer();
  if (state_ == State::fresh) {
    state_ = State::connecting;
    write_armed_ = true;
    if (destination_.unix_path.empty())
      socket_.async_connect_tcp(destination_.ip_address, destination_.port, shared_from_this(),
                                destination_.network.get());
    else
      socket_.async_connect_unix(destination_.unix_path, shared_from_this());
    return;
  }
  if (socket_.has_input_or_ended()) {  // the server closed it, or sent something unasked
    shut(std::move(exchange_));
    return;
  }
  reused_ = true;
  state_ = State::head;
  send();
}

void ClientConnection::send() {
  const std::size_t head_bytes = exchange_->head.size();
  const std::size_t total_bytes = head_bytes + exchange_->body.size();
  while (sent_bytes_ < total_bytes) {
    const std::string_view head =
        std::string_view(exchange_->head).substr(std::min(sent_bytes_, head_bytes));
    const std::string_view body =
        std::string_view(exchange_->body).substr(sent_bytes_ - std::min(sent_bytes_, head_bytes));
    const Socket::Sent sent = socket_.send(head, body);
    // A server may answer and close before it has read the whole request: its answer counts.
    if (sent.error) break;
    if (sent.blocked) {
      write_armed_ = true;
      socket_.async_wait_writable(shared_from_this());
      break;
    }
    sent_bytes_ += sent.count;
  }
  arm_read();
}

void ClientConnection::on_writable(std::error_code error) {
  write_armed_ = false;
  if (state_ == State::closed || !exchange_) return;
  if (state_ == State::connecting) {
    if (error) {
      finish(fail(codes::kIo, "cannot connect to " + destination_.text() + ": " + error.message()));
      shut(nullptr);
      return;
    }
    state_ = State::head;
  }
  send();
}

void ClientConnection::arm_read() {
  if (read_armed_ || state_ == State::closed || paused()) return;
  read_armed_ = true;
  std::size_t room_bytes = read_bytes;
  if (state_ == State::body)
    room_bytes = exchange_ && exchange_->stream ? stream_read_bytes : body_read_bytes;
  const std::span<char> room = input_.room(room_bytes);
  socket_.async_read(room.first(std::min(room.size(), std::max(room_bytes, read_bytes))),
                     shared_from_this());
}

void ClientConnection::on_read(std::error_code error, std::size_t count) {
  read_armed_ = false;
  if (state_ == State::closed) return;
  if (state_ == State::idle) {  // the server closed it, or sent something unasked
    shut(nullptr);
    return;
  }
  if (error || count == 0) {
    if (!error && state_ == State::body && decoder_.finish_at_close())
      complete();
    else
      broken(error ? error.message() : "the server closed the connection");
    return;
  }
  input_.committed(count);
  parse();
}

void ClientConnection::parse() {
  while (state_ == State::head && parse_head()) {
  }
  while (state_ == State::body && !paused() && parse_body()) {
  }
  if (state_ == State::head || state_ == State::body) arm_read();
}

bool ClientConnection::parse_head() {
  Parsed<std::size_t> length = scanner_.scan(input_.view(), limits_);
  if (length && *length == 0) return false;
  Parsed<void> parsed;
  if (length) {
    head_ = ResponseHead();
    parsed =
        parse_response_head(input_.view().substr(0, *length), limits_, exchange_->head_only, head_);
  }
  if (!length || !parsed) {
    finish(fail(codes::kInvalid, destination_.text() + " did not answer in HTTP: " +
                                     (length ? parsed.error() : length.error()).reason));
    shut(nullptr);
    return false;
  }
  input_.consume(*length);
  scanner_.reset();
  if (head_.status < 200 && head_.status != 101) return true;  // an interim answer
  decoder_ = BodyDecoder(head_.framing, limits_);
  if (head_.framing.kind == BodyKind::length && !exchange_->stream)
    body_.reserve(std::min<std::uint64_t>(head_.framing.content_length, reserved_bytes_max));
  state_ = State::body;
  if (head_.framing.content_length > exchange_->response_bytes_max) {
    finish(fail(codes::kOverloaded, "the answer of " + destination_.text() + " is larger than " +
                                        std::to_string(exchange_->response_bytes_max) + " bytes"));
    shut(nullptr);
    return false;
  }
  if (head_.framing.kind == BodyKind::length && !hold_body(head_.framing.content_length))
    return false;
  if (exchange_->stream) {
    progressed();
    const std::shared_ptr<Exchange::Stream> stream = exchange_->stream;
    stream->callbacks.head(head_.status, std::move(head_.headers));
    if (state_ != State::body) return false;  // cancelled
  }
  if (decoder_.done()) complete();
  return false;
}

bool ClientConnection::parse_body() {
  if (input_.empty()) return false;
  const Parsed<std::size_t> taken = decoder_.feed(input_.view(), std::string::npos, body_);
  if (!taken) {
    if (exchange_->stream && !deliver_chunk()) return false;  // the bytes before the bad framing
    const bool too_large = taken.error().status == 413;
    finish(fail(too_large ? codes::kOverloaded : codes::kInvalid,
                "the answer of " + destination_.text() + ": " + taken.error().reason));
    shut(nullptr);
    return false;
  }
  input_.consume(*taken);
  if (exchange_->stream && !deliver_chunk()) return false;
  if (!hold_body(body_.size())) return false;
  if (decoder_.done()) complete();
  return false;
}

// Takes memory for a body of this many bytes from the budget. False when the budget is used up; the
// exchange has then failed.
bool ClientConnection::hold_body(std::uint64_t bytes) {
  if (!exchange_->budget || bytes <= free_body_bytes_max || bytes <= exchange_->held.amount())
    return true;
  if (exchange_->held.amount() == 0) exchange_->held = exchange_->budget->hold(destination_.text());
  // A body of unknown length grows by doubling, as its string does.
  const std::uint64_t wanted = head_.framing.kind == BodyKind::length
                                   ? head_.framing.content_length
                                   : std::min(2 * bytes, exchange_->response_bytes_max);
  if (exchange_->held.grow_to(std::max(bytes, wanted))) {
    body_.reserve(std::max(bytes, wanted));
    return true;
  }
  finish(fail(Error{codes::kOverloaded,
                    "The answers under way have as many bytes as the server holds at once; please "
                    "reduce your request rate.",
                    429}));
  shut(nullptr);
  return false;
}

// False when the connection has closed meanwhile.
bool ClientConnection::deliver_chunk() {
  progressed();
  const std::shared_ptr<Exchange::Stream> stream = exchange_->stream;
  if (!body_.empty()) stream->callbacks.chunk(std::exchange(body_, std::string()));
  return state_ == State::body;
}

bool ClientConnection::paused() const {
  return exchange_ && exchange_->stream && exchange_->stream->handle->paused_;
}

// The stream made progress: the wait for its next piece begins.
void ClientConnection::progressed() {
  Exchange::Stream& stream = *exchange_->stream;
  exchange_->deadline =
      paused() ? stream.deadline
               : std::min(stream.deadline, std::chrono::steady_clock::now() + stream.idle_timeout);
  arm_timer();
}

void ClientConnection::pause_changed() {
  if (!exchange_ || !exchange_->stream || state_ == State::closed) return;
  if (state_ != State::body) return;  // pausing does not affect the wait for the head
  progressed();
  if (!paused()) parse();
}

void ClientConnection::complete() {
  const bool all_sent = sent_bytes_ == exchange_->head.size() + exchange_->body.size();
  const bool keep = head_.keep_alive && all_sent && input_.empty();
  ClientResponse response{head_.status, std::move(head_.headers), std::move(body_), nullptr};
  if (exchange_->held.amount() > 0)
    response.held = std::make_shared<SharedBudget::Hold>(std::move(exchange_->held));
  body_ = std::string();
  if (exchange_->stream) exchange_->stream->handle->connection_.reset();
  if (!keep) {
    finish(std::move(response));
    shut(nullptr);
    return;
  }
  state_ = State::idle;
  idle_since_ = std::chrono::steady_clock::now();
  input_.release_if_empty(read_bytes);
  arm_read();  // notices when the server closes
  // Become idle before answering: the callback may start the next request on this connection.
  std::unique_ptr<Exchange> exchange = std::move(exchange_);
  owner_.became_idle(shared_from_this());
  exchange->finish(std::move(response));
}

void ClientConnection::broken(const std::string& reason) {
  const bool nothing_came = state_ == State::head && input_.empty() && head_.status == 0;
  const bool may_repeat = sent_bytes_ == 0 || (reused_ && exchange_->idempotent);
  if (nothing_came && may_repeat && !exchange_->retried) {
    exchange_->retried = true;
    shut(std::move(exchange_));
    return;
  }
  finish(fail(codes::kIo, "the connection to " + destination_.text() + " broke: " + reason));
  shut(nullptr);
}

void ClientConnection::finish(Result<ClientResponse> result) {
  std::unique_ptr<Exchange> exchange = std::move(exchange_);
  if (exchange) exchange->finish(std::move(result));
}

void Exchange::finish(Result<ClientResponse> result) {
  if (!stream) {
    callback(std::move(result));
    return;
  }
  stream->handle->connection_.reset();
  if (result)
    stream->callbacks.end({});
  else
    stream->callbacks.end(std::unexpected<Error>(std::move(result).error()));
}

void ResponseStream::pause() { act(Wish::pause); }
void ResponseStream::resume() { act(Wish::resume); }
void ResponseStream::cancel() { act(Wish::cancel); }

void ResponseStream::act(Wish wish) {
  if (!loop_.on_this_thread()) {
    loop_.post([self = shared_from_this(), wish] { self->act(wish); });
    return;
  }
  const std::shared_ptr<ClientConnection> connection = connection_.lock();
  if (wish == Wish::cancel) {
    cancelled_ = true;
    if (connection) connection->close(Error{codes::kCancelled, "the caller has cancelled it", 0});
    return;
  }
  const bool pause = wish == Wish::pause;
  if (std::exchange(paused_, pause) != pause && connection) connection->pause_changed();
}

void ClientConnection::shut(std::unique_ptr<Exchange> unsent) {
  if (state_ == State::closed) return;
  state_ = State::closed;
  timer_.cancel();
  socket_.close();
  owner_.became_closed(shared_from_this(), std::move(unsent));
}

void ClientConnection::close(Error reason) {
  if (state_ == State::closed) return;
  const std::shared_ptr<ClientConnection> self = shared_from_this();
  finish(fail(std::move(reason)));
  shut(nullptr);
}

// The timer stays armed between exchanges and checks when it fires whether it is due: setting it
// for each exchange would cost more than the rest of the exchange. It never waits longer than the
// idle timeout, or an idle connection would be kept until its last exchange's deadline.
void ClientConnection::arm_timer() {
  if (timer_armed_ && timer_due_ <= exchange_->deadline) return;
  timer_armed_ = true;
  timer_due_ =
      std::min(exchange_->deadline, std::chrono::steady_clock::now() + options_.idle_timeout);
  timer_.start(timer_due_ - std::chrono::steady_clock::now(), [weak = weak_from_this()] {
    if (std::shared_ptr<ClientConnection> self = weak.lock()) self->timer_fired();
  });
}

void ClientConnection::timer_fired() {
  timer_armed_ = false;
  const auto now = std::chrono::steady_clock::now();
  if (exchange_) {
    if (now < exchange_->deadline) {
      arm_timer();
      return;
    }
    finish(fail(codes::kTimeout, destination_.text() + " did not answer in time"));
    shut(nullptr);
    return;
  }
  const auto idle_due = idle_since_ + options_.idle_timeout;
  if (now >= idle_due) {
    shut(nullptr);
    return;
  }
  timer_armed_ = true;
  timer_due_ = idle_due;
  timer_.start(idle_due - now, [weak = weak_from_this()] {
    if (std::shared_ptr<ClientConnection> self = weak.lock()) self->timer_fired();
  });
}

}  // namespace tidemill::wire
