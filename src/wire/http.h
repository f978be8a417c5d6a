// HTTP messages as the rest of the program sees them: no sockets, no Beast.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/byte_stream.h"
#include "base/error.h"

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
  // "sts.us-east-1.amazonaws.com" when the request came inside TLS through CONNECT to that name.
  std::string tunnel_host;
  // Bodies of up to limits::buffered_body_bytes_max lie in `body`; larger ones and those of unknown
  // length that grow past it come through `stream` (then `body` is empty). HTTP chunked framing is
  // already removed; aws-chunked is not (wire/sigv4 does that).
  std::string body;
  std::unique_ptr<ByteSource> stream;

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

class PushReader;  // wire/push_body.h
struct Upgrade;    // wire/server/upgrade.h

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
  // Asked on an event-loop thread, when a client waits for "100 Continue" before it sends its body:
  // an answer refuses the request unread. Must not block.
  virtual std::optional<HttpResponse> refuse_early(const HttpRequest&) { return std::nullopt; }
};

}  // namespace tidemill::wire
