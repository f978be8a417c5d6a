// What every service is written against: the context of one call, the registry of handlers, and how
// services say who they are. Services never see HTTP, SQLite or a concrete compute back end.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/byte_stream.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/push_body.h"
#include "base/schema.h"
#include "base/value.h"

namespace tidemill::services {

// Who calls, after authentication.
struct Principal {
  std::string account;  // "123456789012"
  std::string arn;      // "arn:aws:iam::123456789012:root", ":user/u", sts assumed-role ARN
  std::string user_id;
  std::string access_key_id;  // empty for anonymous
  bool root = false;
};

// How a request was signed, for policies' condition keys. Empty for calls from inside the server.
struct Signature {
  std::string_view authentication = {};  // "REST-HEADER", "REST-QUERY-STRING"
  std::string_view version = {};         // "AWS4-HMAC-SHA256", "AWS"
  std::optional<Timestamp> signed_at = std::nullopt;
};

// One call. It lives until the call is answered. A handler on a worker thread may block up to
// `deadline`.
struct Context {
  std::string request_id;
  std::string region;
  Principal principal;
  Timestamp received;
  std::chrono::steady_clock::time_point deadline;
  std::stop_token stop;
  // "127.0.0.1:52344"; empty: the server itself calls.
  std::string remote_address;
  Signature signature;
  std::string endpoint;  // "http://127.0.0.1:4566", as the client addressed us; empty: inside
  // Finds a header of the request by its lower-case name: for the few that the models do not have.
  std::function<const std::string*(std::string_view)> find_header;
  // Streaming input member (S3 PutObject's Body), or the payload of an operation whose handler does
  // not block; null when the operation has none.
  std::unique_ptr<ByteSource> body;
  // The trailing headers that came after the body, lower-case names; to be called once the body was
  // read to its end. Empty function: the request has none.
  std::function<std::map<std::string, std::string>()> trailers;
  // Streaming output member or payload (S3 GetObject's Body): the handler sets it, or leaves it for
  // none.
  std::unique_ptr<ByteSource> response_body;
  // An output event stream that is sent while it is made.
  std::unique_ptr<PushReader> response_events;
  // Kept until the client has the whole answer: what the answer's bytes count against.
  std::shared_ptr<const void> response_held;
  // Further response headers, for what is outside the models.
  std::map<std::string, std::string> response_headers;
  int response_status = 0;  // 0: the model's

  const std::string& account() const { return principal.account; }
  // nullptr when the request has no such header.
  const std::string* header(std::string_view lower_case_name) const {
    return find_header ? find_header(lower_case_name) : nullptr;
  }
};

// Answers a call, exactly once, from any thread. The call's Context is gone afterwards. A responder
// that is destroyed without an answer answers InternalFailure, so that no client waits for ever.
class Responder {
 public:
  using Function = std::move_only_function<void(Result<Value>)>;
  explicit Responder(Function answer) : answer_(std::move(answer)) {}
  ~Responder();
  Responder(Responder&& other) noexcept : answer_(std::exchange(other.answer_, nullptr)) {}
  Responder& operator=(Responder&&) = delete;
  void operator()(Result<Value> result) { std::exchange(answer_, nullptr)(std::move(result)); }

 private:
  Function answer_;
};

// The same with the operation's output type.
template <class Output>
class Respond {
 public:
  explicit Respond(Responder responder) : responder_(std::move(responder)) {}
  void operator()(const Result<Output>& result) {
    if (result)
      responder_(to_value(*result));
    else
      responder_(std::unexpected(result.error()));
  }

 private:
  Responder responder_;
};

// An operation with its types erased: Values in, Values out, both under the operation's schema.
struct Handler {
  // `input` is gone when run() returns; the Context lives until the responder was called.
  std::function<void(Context&, const Value& input, Responder)> run;
  // False: run() never blocks, and runs on the event loop that its request came in on. Its payload
  // comes in Context::body, whole, and not in `input`.
  bool blocks = true;
  std::uint64_t payload_bytes_max = 0;  // of a handler that does not block
};

// Runs a handler and waits for its answer. Not on an event loop.
Result<Value> run_and_wait(const Handler& handler, Context& context, const Value& input);

// Filled once at start, then read-only.
class Registry {
 public:
  // Generated operation tags (api/<service>/...):
  //   struct CreateBucket { using Input = CreateBucketRequest; using Output = CreateBucketOutput;
  //                         static const schema::Service& service();
  //                         static const schema::Operation& operation(); };
  // handler: Result<Output>(Context&, const Input&). Registering twice aborts.
  template <class Op, class F>
  void add(F handler) {
    add_now(Op::service(), Op::operation(),
            [handler = std::move(handler)](Context& context, const Value& in) -> Result<Value> {
              typename Op::Input input{};
              TRY(from_value(in, input));
              typename Op::Output output = TRY(handler(context, std::as_const(input)));
              return to_value(output);
            });
  }
  // The same with a member function: Result<Output> (Object::*)(Context&, const Input&). The object
  // is borrowed.
  template <class Op, class Object>
  void add(Object& object,
           Result<typename Op::Output> (Object::*handler)(Context&, const typename Op::Input&)) {
    add<Op>([&object, handler](Context& context, const typename Op::Input& input) {
      return (object.*handler)(context, input);
    });
  }
  // A handler that may answer later and holds no thread until then:
  //   void (Object::*)(Context&, const Input&, Respond<Output>).
  template <class Op, class Object>
  void add(Object& object, void (Object::*handler)(Context&, const typename Op::Input&,
                                                   Respond<typename Op::Output>)) {
    add_erased(Op::service(), Op::operation(),
               {[&object, handler](Context& context, const Value& in, Responder respond) {
                 typename Op::Input input{};
                 if (Result<void> read = from_value(in, input); !read)
                   return respond(std::unexpected(read.error()));
                 (object.*handler)(context, input,
                                   Respond<typename Op::Output>(std::move(respond)));
               }});
  }
  void add_now(const schema::Service& service, const schema::Operation& operation,
               std::function<Result<Value>(Context&, const Value& input)> handler);
  void add_erased(const schema::Service& service, const schema::Operation& operation,
                  Handler handler);
  // nullptr: not implemented.
  const Handler* find(const schema::Operation& operation) const;

 private:
  std::map<const schema::Operation*, Handler> handlers_;
};

}  // namespace tidemill::services
