// One client connection: a state machine driven by the socket's events and handlers' answers.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/push_body.h"
#include "wire/http_input_buffer.h"
#include "wire/http_parser.h"
#include "wire/http_socket.h"
#include "wire/server/body_pipe.h"
#include "wire/server/loop_server.h"
#include "wire/server/upgrade.h"

namespace tidemill::wire {

inline constexpr std::size_t head_read_bytes = 8 * 1024;
inline constexpr std::size_t tls_read_bytes = 32 * 1024;
// Answers to pipelined requests are gathered up to this size before sending.
inline constexpr std::size_t coalesced_bytes_max = 64 * 1024;

// Use on its loop's thread only, except for respond(). The reading half takes one request at a time
// from the input, the writing half sends its response; the next request starts when both are done.
// Only run() drives the two halves.
class Connection final : public SocketEvents, public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<LoopServer> server, Socket socket, std::string remote_address);
  ~Connection() override;

  void start();
  // Any thread. Answers to requests that are already answered or gone are dropped.
  void respond(std::uint64_t serial, HttpResponse response);
  // Called periodically: closes or answers 408 when a time limit has passed.
  void check_deadlines(SteadyTime now);
  // Closes when idle or within a head; run() checks again after each answer.
  void begin_stop();
  void close();
  // No request is unanswered.
  bool idle() const;
  // Waiting for the rest of a head.
  bool in_head() const;
  // The time when the current wait began.
  SteadyTime waiting_since() const { return since_; }

  void on_read(std::error_code error, std::size_t count) override;
  void on_writable(std::error_code error) override;

 private:
  enum class Reading : std::uint8_t {
    head,
    body,      // gathers it for the handler
    stream,    // the handler reads it from the pipe
    discard,   // nobody wants it
    complete,  // the request is complete, or its rest is not wanted
    linger,    // the last answer is sent; input is discarded until the client closes
  };
  enum class Writing : std::uint8_t { idle, awaiting, sending };

  // connection.cc: the reading half; connection_input.cc: its input, deadlines and the end.
  void run();
  bool step();
  bool step_head();
  bool step_body();
  bool step_stream();
  bool step_discard();
  void begin_body();
  bool admit(bool body_comes);
  bool keep_more();
  bool pass_limit();
  void become_stream();
  void dispatch();
  void reject(int status, const std::string& reason);
  void refuse(HttpResponse response, bool body_comes = false);
  bool feed_decoder(std::size_t room, std::string& out);
  void body_failed(int status, const char* code, const std::string& reason);
  bool wants_input() const;
  void arm_read();
  void enter(Reading reading);
  bool take_input(std::size_t count);
  bool takes_too_little(SteadyTime now);
  // The request is complete and nothing came after it: closing causes no reset.
  bool has_read_all() const;
  bool all_sent() const;

  // connection_write.cc: the writing half.
  void deliver(std::uint64_t serial, HttpResponse response);
  void start_response(HttpResponse response);
  void start_body(HttpResponse response, bool chunked);
  bool flush();
  bool send_pending();
  bool send_pending_tls();
  bool take_pushed();
  void fetch_piece();
  void piece_arrived(Result<std::string> piece);
  bool sent(const Socket::Sent& result, std::size_t& count);
  void complete_response();
  void begin_close();

  // connection_upgrade.cc: after CONNECT.
  void start_upgrade(HttpResponse response);
  bool finish_upgrade();

  const std::shared_ptr<LoopServer> server_;  // shared: outlives a stopped server through Respond
  ServerShared& shared_;
  Socket socket_;
  const std::string remote_address_;
  std::shared_ptr<TlsContext> tls_context_;  // shared: for the name in CONNECT
  std::string tunnel_host_;                  // that name; empty without CONNECT
  std::unique_ptr<TlsSession> tls_;          // nullptr: plain
  std::unique_ptr<char[]> tls_ciphertext_;   // the read buffer under TLS

  Reading reading_ = Reading::head;
  InputBuffer input_;
  HeadScanner scanner_;
  RequestHead head_;
  BodyDecoder decoder_;
  bool admitted_ = false;                 // the handler was asked
  std::uint64_t kept_bytes_max_ = 0;      // the body's limit at the moment
  std::uint64_t gathered_bytes_max_ = 0;  // its final limit
  std::shared_ptr<BodyPipe> pipe_;        // shared with the ByteSource that the handler holds
  bool pipe_full_ = false;
  std::uint64_t discarded_bytes_ = 0;
  SteadyTime since_;                     // of the reading state, or of the body's last window
  std::uint64_t window_body_bytes_ = 0;  // body bytes since then
  bool first_request_ = true;
  bool head_begun_ = false;

  Writing writing_ = Writing::idle;
  std::uint64_t serial_ = 0;  // of the request: distinguishes late answers
  bool handling_ = false;     // inside handle(): answers wait in inline_response_
  std::optional<HttpResponse> inline_response_;
  bool head_only_ = false;  // the request was HEAD
  std::string out_;         // heads and small bodies of one or more responses
  std::size_t out_sent_ = 0;
  std::string body_;  // a large body, or a piece of a stream
  std::size_t body_sent_ = 0;
  std::string tls_out_;
  std::size_t tls_out_sent_ = 0;
  std::unique_ptr<PushReader> push_;
  std::unique_ptr<Upgrade> upgrade_;    // once the answer to CONNECT is out
  std::shared_ptr<ByteSource> stream_;  // shared with the pool's task that reads it
  std::uint64_t stream_remaining_ = 0;  // when its size is known
  bool stream_chunked_ = false;
  bool stream_sized_ = false;
  bool fetching_ = false;
  std::optional<runtime::Timer> fetch_timer_;  // waits for a place in the pool
  std::shared_ptr<const void> held_;           // HttpResponse::held of the answer that goes out
  SteadyTime write_since_;                     // start of the wait for room
  SteadyTime::duration write_waited_{};        // in the window, before that wait
  std::uint64_t sent_bytes_ = 0;
  std::uint64_t taken_bytes_ = 0;  // by the client, at the start of the window

  bool running_ = false;
  bool held_back_ = false;  // pipelined requests wait until answers are sent
  bool read_armed_ = false;
  bool write_armed_ = false;
  bool peer_ended_ = false;
  bool close_after_ = false;
  bool closed_ = false;
};

}  // namespace tidemill::wire
