// HTTP messages for the rest of the program: without sockets and Beast.
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

// Header or trailer fields in order of arrival; names compare case-insensitively.
class Headers {
 public:
  using Field = std::pair<std::string, std::string>;
  void add(std::string name, std::string value) {
    fields_.emplace_back(std::move(name), std::move(value));
  }
  void reserve(std::size_t count) { fields_.reserve(count); }
  // Replaces all fields with that name.
  void set(std::string_view name, std::string value);
  void erase(std::string_view name);
  // The first field with that name, or nullptr.
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

// One query parameter, percent-decoded; `has_value` distinguishes "?uploads" from "?uploads=".
struct QueryParameter {
  std::string name;
  std::string value;
  bool has_value = true;
};

struct HttpResponse;

// The permission of a handler for a request whose body is still to come (HttpHandler::admit).
// Travels with the request and ends with it.
class Admission {
 public:
  virtual ~Admission() = default;
  // Called on the loop's thread before it keeps a total of `bytes` of the body, step by step; an
  // answer refuses the request, and further bytes are not kept. Beyond gathered_bytes_max it must
  // return an answer.
  virtual std::optional<HttpResponse> keep(std::uint64_t bytes) = 0;

  // The loop gathers bodies up to this size in HttpRequest::body.
  std::uint64_t gathered_bytes_max = limits::buffered_body_bytes_max;
  // Whether larger bodies come as HttpRequest::stream, which costs the memory of the pipe (asked
  // for with keep()); false: they are refused.
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
  // Id of the job through whose door (HttpServer::add_door) the request came; "" for others.
  std::string job;
  // "sts.us-east-1.amazonaws.com" when the request came inside TLS through CONNECT to that name.
  std::string tunnel_host;
  // Bodies of up to limits::buffered_body_bytes_max (or the admission's limit) are in `body`;
  // larger ones come through `stream` (then `body` is empty). HTTP chunked framing is already
  // removed; aws-chunked is not (wire/sigv4 does that).
  std::string body;
  std::unique_ptr<ByteSource> stream;
  // The result of admit(); nullptr when it was not called.
  std::unique_ptr<Admission> admission;

  // nullptr when absent.
  const QueryParameter* find_query(std::string_view name) const;
  std::string_view host() const;  // the Host field
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
  // If set, sent instead of `body`; with a Content-Length if its size is known, else chunked.
  std::unique_ptr<ByteSource> stream;
  // If set, sent instead of `body`, chunked, while an event loop or another thread produces it; no
  // thread waits for it.
  std::unique_ptr<PushReader> push;
  // If set, the status is 200, there is no body, and the connection changes its protocol: only as
  // an answer to CONNECT.
  std::unique_ptr<Upgrade> upgrade;
  // Kept until the whole answer is sent or dropped: a share of a memory budget.
  std::shared_ptr<const void> held;  // shared_ptr: hides the type from this header
  // For HEAD: the Content-Length of the body that is left out.
  std::optional<std::uint64_t> head_content_length;
};

// Splits a request target and decodes it; Tidemill.Invalid on a broken escape.
Result<void> parse_target(HttpRequest& request);

// Serves requests. handle() is called on an event-loop thread when the head and (up to
// limits::buffered_body_bytes_max) the body have arrived. It must not block: it answers at once or
// hands the work to a worker pool, and calls `respond` exactly once, from any thread.
class HttpHandler {
 public:
  using Respond = std::move_only_function<void(HttpResponse)>;
  virtual ~HttpHandler() = default;
  virtual void handle(HttpRequest request, Respond respond) = 0;
  // Called on an event-loop thread once a request's head has arrived, before more of its body than
  // HttpServerOptions::unadmitted_body_bytes_max is read or "100 Continue" is sent. An answer
  // refuses the request unread; nullptr: the body is gathered up to
  // limits::buffered_body_bytes_max, then streamed. Must not block.
  virtual std::expected<std::unique_ptr<Admission>, HttpResponse> admit(const HttpRequest& head);
};

}  // namespace tidemill::wire
