// A connection's input, its deadlines and its end.
#include <algorithm>

#include "wire/server/connection.h"

namespace tidemill::wire {
namespace {

constexpr std::size_t body_read_bytes = 256 * 1024;
// The time limit for the last answer to reach a client that is still sending.
constexpr std::chrono::seconds linger_time{5};

}  // namespace

bool Connection::wants_input() const {
  if (peer_ended_) return false;
  switch (reading_) {
    case Reading::head:
      return out_.size() - out_sent_ < coalesced_bytes_max;
    case Reading::stream:
      return !pipe_full_;
    case Reading::complete:
      // Keep reading during a response, to notice when the client leaves.
      return push_ && input_.view().size() < head_read_bytes;
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

// Puts the socket's bytes into input_; false when TLS failed.
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
    send_pending();  // sends the alert if there is room for it
    close();
    return;
  }
  if (reading_ == Reading::head && !head_begun_ && !input_.empty()) {
    head_begun_ = true;
    since_ = server_->now();
  }
  run();
}

// Counts the time in which we waited for the client, not the reverse. Bytes in the kernel's buffer
// have not reached the client: after megabytes of them a slow client would seem to take nothing for
// minutes, and a dead one to have taken all.
bool Connection::takes_too_little(SteadyTime now) {
  const HttpServerOptions& options = shared_.options;
  if (write_waited_ + (now - write_since_) < options.progress_timeout) return false;
  const std::uint64_t taken = sent_bytes_ - std::min(sent_bytes_, socket_.unacknowledged_bytes());
  if (taken < taken_bytes_ + options.slow_body_bytes_min) return true;
  taken_bytes_ = taken;
  write_waited_ = {};
  write_since_ = now;
  return false;
}

void Connection::check_deadlines(SteadyTime now) {
  const HttpServerOptions& options = shared_.options;
  if (closed_) return;
  if (write_armed_ && takes_too_little(now)) {
    shared_.counters.timeouts.fetch_add(1, std::memory_order_relaxed);
    socket_.discard_unsent_on_close();
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
      close();  // there was no request, so there is no answer
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

bool Connection::has_read_all() const {
  return input_.empty() && (head_.framing.kind == BodyKind::none || decoder_.done());
}

bool Connection::all_sent() const {
  return out_.empty() && tls_out_.empty() && writing_ == Writing::idle;
}

bool Connection::idle() const { return reading_ == Reading::head && !head_begun_ && all_sent(); }

bool Connection::in_head() const {
  return reading_ == Reading::head && head_begun_ && writing_ == Writing::idle && !held_back_;
}

void Connection::begin_stop() {
  // A head that has not come completely is not waited for: its client would need not finish it, and
  // nothing was begun for it.
  const bool unfinished_head = in_head() && all_sent();
  if (idle() || unfinished_head || (reading_ == Reading::linger && has_read_all())) close();
}

void Connection::close() {
  if (closed_) return;
  closed_ = true;
  if (pipe_) pipe_->fail(Error{codes::kIo, "The client closed the connection.", 400});
  pipe_.reset();
  if (writing_ != Writing::idle)
    shared_.counters.requests_active.fetch_sub(1, std::memory_order_relaxed);
  writing_ = Writing::idle;
  stream_.reset();
  push_.reset();
  held_.reset();
  fetch_timer_.reset();
  socket_.close();
  server_->remove(shared_from_this());
}

}  // namespace tidemill::wire
