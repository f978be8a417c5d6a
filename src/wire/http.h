// HTTP messages as the rest of the program sees them: no sockets, no Beast.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/byte_stream.h"
#include "base/error.h"
#include "base/limits.h"

namespace tidemill {
class PushReader;  // base/push_body.h
}

namespace tidemill::wire {

// Header or trailer fields in the order they came; names compare without regard to case.
class Headers {
 public:
  using Field = std::pair<std::string, std::string>;
  void add(std::string name, std::string value) {
    fields_.emplace_back(std::move(name), std::move(value));
  }
  void reserve(std::size_t count) { fields_.reserve(count); }
  // Replaces every field of that name.
  void set(std::string_view name, std::string value);
  void erase(std::string_view name);
  // The first field of that name, or nullptr.
  const std::string* find(std::string_view name) const;
  // The first field's value, or "".
  std::string_view get(std::string_view name) const;
  const std::vector<Field>& fields() const { return fields_; }

 private:
  std::vector<Field> fields_;
};

// ASCII only.
bool equal_ignoring_case(std::string_view a, std::string_view b);
std::string lower_case(std::string_view text);

// One query parameter, percent-decoded; `has_value` tells "?uploads" from "?uploads=".
struct QueryParameter {
  std::string name;
  std::string value;
  bool has_value = true;
};

struct HttpResponse;

// What a handler grants a request whose body has still to come (HttpHandler::admit). Travels with
// the request and ends with it.
class Admission {
 public:
  virtual ~Admission() = default;
  // Asked on the loop's thread before it keeps `bytes` of the body in all, a step at a time; an
  // answer refuses the request, whose further bytes are not kept. Beyond gathered_bytes_max an
  // answer must come.
  virtual std::optional<HttpResponse> keep(std::uint64_t bytes) = 0;

  // Bodies up to this size are gathered by the loop and lie in HttpRequest::body.
  std::uint64_t gathered_bytes_max = limits::buffered_body_bytes_max;
  // Larger ones come as HttpRequest::stream, for the cost of the pipe's own memory, which is asked
  // for with keep(); false: they are refused.
  bool streams = true;
};

struct HttpRequest {
  std::string method;    // "PUT"
  std::string target;    // as received: "/b/k%20x?partNumber=1"
  std::string raw_path;  // the target's path, still encoded (what SigV4 signs)
  std::string path;      // percent-decoded
  std::string raw_query;
  std::vector<QueryParameter> query;
  Headers headers;
  std::string remote_address;  // "127.0.0.1:52344"
  bool tls = false;
  // The id of the job whose own door (HttpServer::add_door) it came through; "" anybody's.
  std::string job;
  // "sts.us-east-1.amazonaws.com" when the request came inside TLS through CONNECT to that name.
  std::string tunnel_host;
  // Bodies of up to limits::buffered_body_bytes_max (or what the admission says) lie in `body`;
  // larger ones come through `stream` (then `body` is empty). HTTP chunked framing is
  // already removed; aws-chunked is not (wire/sigv4 does that).
  std::string body;
  std::unique_ptr<ByteSource> stream;
  // The result of admit(); nullptr when it was not called.
  std::unique_ptr<Admission> admission;

  // nullptr when absent.
  const QueryParameter* find_query(std::string_view name) const;
  std::string_view host() const;  // the Host field
};

// A part of a file that the server sends without passing it through user space where it can.
// Owns the descriptor's duplicate through `owner`.
struct FileRange {
  int descriptor = -1;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  std::shared_ptr<const void> owner;  // shared: the blob store's open-file cache and the response
};

struct Upgrade;  // wire/server/upgrade.h

struct HttpResponse {
  HttpResponse();
  ~HttpResponse();
  HttpResponse(HttpResponse&&) noexcept;
  HttpResponse& operator=(HttpResponse&&) noexcept;

  int status = 200;
  Headers headers;  // without Content-Length, Date, Connection: the server adds them
  std::string body;
  // When set, sent instead of `body`; with a known size as Content-Length, else chunked.
  std::unique_ptr<ByteSource> stream;
  std::optional<FileRange> file;
  // When set, sent instead of `body`, chunked, as an event loop or another thread makes it; no
  // thread waits for it.
  std::unique_ptr<PushReader> push;
  // When set, the status is 200, there is no body, and the connection becomes another: only as an
  // answer to CONNECT.
  std::unique_ptr<Upgrade> upgrade;
  // Kept until the whole answer is on its way or dropped: a share of a budget of memory.
  std::shared_ptr<const void> held;  // shared: so that its type stays with its maker
  // For HEAD: the Content-Length of the body that is not sent.
  std::optional<std::uint64_t> head_content_length;
};

// Splits a request target and decodes it; Tidemill.Invalid on a broken escape.
Result<void> parse_target(HttpRequest& request);

// What serves requests. handle() is called on an event-loop thread when the head and, up to
// limits::buffered_body_bytes_max, the body have arrived. It must not block: it either answers at
// once or hands the work to a worker pool, and calls `respond` exactly once, from any thread.
class HttpHandler {
 public:
  using Respond = std::move_only_function<void(HttpResponse)>;
  virtual ~HttpHandler() = default;
  virtual void handle(HttpRequest request, Respond respond) = 0;
  // Asked on an event-loop thread once the head of a request is there, before more of its body than
  // HttpServerOptions::unadmitted_body_bytes_max is taken or "100 Continue" is sent. An answer
  // refuses the request unread; nullptr: gathered to limits::buffered_body_bytes_max, then a
  // stream. Must not block.
  virtual std::expected<std::unique_ptr<Admission>, HttpResponse> admit(const HttpRequest& head);
};

}  // namespace tidemill::wire
