// The writing half of a connection: from a handler's answer to bytes on the socket.
#include <algorithm>

#include "base/log.h"
#include "wire/server/connection.h"
#include "wire/server/response_body.h"
#include "wire/server/response_head.h"

namespace tidemill::wire {
namespace {

// Bodies up to this size are copied behind their head: pipelined answers then share one system
// call.
constexpr std::size_t small_body_bytes_max = 16 * 1024;
constexpr std::size_t tls_slice_bytes = 64 * 1024;
constexpr std::size_t kept_buffer_bytes_max = 64 * 1024;
constexpr std::chrono::milliseconds fetch_retry_delay{5};

bool status_has_no_body(int status) { return status < 200 || status == 204 || status == 304; }

}  // namespace

void Connection::respond(std::uint64_t serial, HttpResponse response) {
  if (server_->loop().on_this_thread()) {
    if (handling_ && serial == serial_) {
      inline_response_ = std::move(response);
      return;
    }
    deliver(serial, std::move(response));
    return;
  }
  server_->loop().post(
      [self = shared_from_this(), serial, response = std::move(response)]() mutable {
        self->deliver(serial, std::move(response));
      });
}

void Connection::deliver(std::uint64_t serial, HttpResponse response) {
  if (closed_ || serial != serial_ || writing_ != Writing::awaiting) return;
  start_response(std::move(response));
  run();
}

void Connection::start_response(HttpResponse response) {
  if (response.upgrade) return start_upgrade(std::move(response));
  ResponseFraming framing;
  if (response.stream)
    framing.content_length = response.stream->size();
  else if (response.push)
    framing.content_length.reset();
  else
    framing.content_length = response.body.size();
  const bool no_body = status_has_no_body(response.status);
  if (head_only_ && response.head_content_length)
    framing.content_length = response.head_content_length;
  if (no_body) framing.content_length.reset();
  if (!framing.content_length && !no_body) {
    framing.chunked = !head_.http_1_0;
    if (head_.http_1_0) close_after_ = true;
  }
  const std::string_view connection = response.headers.get("connection");
  if (!head_.keep_alive || server_->stopping() || equal_ignoring_case(connection, "close"))
    close_after_ = true;
  if ((reading_ == Reading::stream || reading_ == Reading::discard) &&
      head_.framing.kind == BodyKind::length &&
      decoder_.remaining_bytes() > shared_.options.unread_body_bytes_max)
    close_after_ = true;
  framing.close = close_after_;
  framing.keep_alive_1_0 = head_.http_1_0;
  append_response_head(response.status, response.headers, framing, server_->date(),
                       shared_.options.server_name, out_);
  writing_ = Writing::sending;
  held_ = std::move(response.held);
  if (head_only_ || no_body) {
    complete_response();
    return;
  }
  start_body(std::move(response), framing.chunked);
}

void Connection::start_body(HttpResponse response, bool chunked) {
  if (response.push) {
    push_ = std::move(response.push);
    stream_chunked_ = chunked;
    push_->on_wake([weak = weak_from_this(), &loop = server_->loop()] {
      loop.post([weak] {
        if (std::shared_ptr<Connection> self = weak.lock()) self->run();
      });
    });
    return;
  }
  if (response.stream) {
    const std::optional<std::uint64_t> size = response.stream->size();
    stream_ = std::move(response.stream);
    stream_chunked_ = chunked;
    stream_sized_ = size.has_value();
    stream_remaining_ = size.value_or(0);
    return;
  }
  if (response.body.size() <= small_body_bytes_max) {
    out_.append(response.body);
    complete_response();  // its bytes are sent with the next flush
    return;
  }
  body_ = std::move(response.body);
  body_sent_ = 0;
}

// True when the reading half may proceed.
bool Connection::flush() {
  if (write_armed_ || !send_pending()) return false;
  if (upgrade_) return finish_upgrade();
  if (std::exchange(held_back_, false)) return true;
  if (writing_ == Writing::sending) {
    if (push_) return take_pushed();
    if (stream_) {
      fetch_piece();
      return writing_ == Writing::idle;
    }
    complete_response();
    return true;
  }
  if (writing_ == Writing::idle && close_after_ && reading_ != Reading::linger) begin_close();
  return false;
}

// Counts sent bytes; false when it must wait or the connection is gone.
bool Connection::sent(const Socket::Sent& result, std::size_t& count) {
  count = result.count;
  if (result.error) {
    close();
    return false;
  }
  if (result.blocked) {
    write_armed_ = true;
    write_since_ = server_->now();
    socket_.async_wait_writable(shared_from_this());
    return false;
  }
  sent_bytes_ += count;
  shared_.counters.bytes_sent.fetch_add(count, std::memory_order_relaxed);
  return true;
}

// Sends out_ and body_; true when both are sent.
bool Connection::send_pending() {
  if (tls_) return send_pending_tls();
  while (out_sent_ < out_.size() || body_sent_ < body_.size()) {
    const std::string_view head = std::string_view(out_).substr(out_sent_);
    const std::string_view body = std::string_view(body_).substr(body_sent_);
    std::size_t count = 0;
    if (!sent(socket_.send(head, body), count)) return false;
    const std::size_t of_head = std::min(count, head.size());
    out_sent_ += of_head;
    body_sent_ += count - of_head;
  }
  out_.clear();
  if (out_.capacity() > kept_buffer_bytes_max) out_.shrink_to_fit();
  out_sent_ = 0;
  if (body_sent_ > 0) body_ = std::string();
  body_sent_ = 0;
  return true;
}

bool Connection::send_pending_tls() {
  for (;;) {
    if (tls_out_sent_ == tls_out_.size()) {
      tls_out_ = tls_->take_output();
      tls_out_sent_ = 0;
    }
    if (tls_out_.empty()) {
      std::string_view plaintext = out_;
      const bool from_body = out_.empty();
      if (from_body) plaintext = std::string_view(body_).substr(body_sent_, tls_slice_bytes);
      if (plaintext.empty()) break;
      if (!tls_->write(plaintext)) {
        close();
        return false;
      }
      if (from_body)
        body_sent_ += plaintext.size();
      else
        out_.clear();
      continue;
    }
    std::size_t count = 0;
    if (!sent(socket_.send(std::string_view(tls_out_).substr(tls_out_sent_)), count)) return false;
    tls_out_sent_ += count;
  }
  if (body_sent_ > 0) body_ = std::string();
  body_sent_ = 0;
  return true;
}

// Sends bytes that the producer has made; false when there are none.
bool Connection::take_pushed() {
  if (peer_ended_) {  // tell the producer that the client is gone
    close();
    return false;
  }
  PushReader::Taken taken = push_->take();
  if (closed_) return false;  // the producer stopped the server when told of room
  if (!taken.failure) {
    log::error("response stream failed", {{"error", taken.failure.error().message}});
    close();
    return false;
  }
  if (!taken.bytes.empty()) {
    const bool small = taken.bytes.size() <= small_body_bytes_max;
    if (stream_chunked_) append_chunk_head(taken.bytes.size(), out_);
    if (small) {
      out_.append(taken.bytes);
      if (stream_chunked_) out_.append("\r\n");
    } else {
      body_ = std::move(taken.bytes);
      if (stream_chunked_) body_.append("\r\n");
      body_sent_ = 0;
      if (taken.ended) return true;  // the next take() repeats it, after these are sent
    }
    if (!taken.ended) return true;
  }
  if (!taken.ended) return false;
  if (stream_chunked_) out_.append("0\r\n\r\n");
  complete_response();
  return true;
}

// Lets the pool read one piece, only after the previous piece is sent: a slow client costs one
// piece of memory and no worker.
void Connection::fetch_piece() {
  if (fetching_) return;
  if (stream_sized_ && stream_remaining_ == 0) {
    complete_response();
    return;
  }
  auto task = [self = shared_from_this(), source = stream_, chunked = stream_chunked_,
               limit = stream_sized_ ? stream_remaining_ : response_piece_bytes] {
    Result<std::string> piece = read_piece(*source, chunked, limit);
    self->server_->loop().post(
        [self, piece = std::move(piece)]() mutable { self->piece_arrived(std::move(piece)); });
  };
  fetching_ = true;
  if (shared_.stream_pool.try_submit(std::move(task))) return;
  if (!fetch_timer_) fetch_timer_.emplace(server_->loop());
  fetch_timer_->start(fetch_retry_delay, [weak = weak_from_this()] {
    std::shared_ptr<Connection> self = weak.lock();
    if (!self || self->closed_) return;
    self->fetching_ = false;
    self->run();
  });
}

void Connection::piece_arrived(Result<std::string> piece) {
  fetching_ = false;
  if (closed_) return;
  if (!piece || (piece->empty() && stream_sized_)) {
    // The head promised a body that cannot be delivered: only a cut connection shows that.
    log::error("response stream failed",
               {{"error", piece ? std::string("it ended early") : piece.error().message}});
    close();
    return;
  }
  if (piece->empty()) {
    if (stream_chunked_) out_.append("0\r\n\r\n");
    complete_response();
  } else {
    if (stream_sized_) stream_remaining_ -= piece->size();
    body_ = std::move(*piece);
    body_sent_ = 0;
  }
  run();
}

void Connection::on_writable(std::error_code error) {
  write_armed_ = false;
  write_waited_ += server_->now() - write_since_;
  if (closed_) return;
  if (error) {
    close();
    return;
  }
  run();
}

void Connection::complete_response() {
  shared_.counters.requests_active.fetch_sub(1, std::memory_order_relaxed);
  writing_ = Writing::idle;
  stream_.reset();
  push_.reset();
  held_.reset();
  if (reading_ != Reading::stream) return;
  // Answered while the body is still coming: the reader of its stream must stop.
  pipe_->fail(Error{codes::kCancelled, "The request has been answered.", 0});
  pipe_.reset();
  discarded_bytes_ = 0;
  enter(Reading::discard);
}

void Connection::begin_close() {
  if (tls_) {
    tls_->close_notify();
    if (!send_pending()) {
      if (closed_) return;
    }
  }
  // Lingering protects the answer from a reset caused by unread input. A stopping server does not
  // wait for clients when all their input is read.
  if (peer_ended_ || (server_->stopping() && has_read_all())) {
    close();
    return;
  }
  socket_.shutdown_write();
  discarded_bytes_ = 0;
  enter(Reading::linger);
}

}  // namespace tidemill::wire
