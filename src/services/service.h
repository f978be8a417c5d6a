// What every service is written against: the context of one call, the registry of handlers, and how
// services say who they are. Services never see HTTP, SQLite or a concrete compute back end.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/byte_stream.h"
#include "base/clock.h"
#include "base/error.h"
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

// One call. Handlers run on worker threads and may block up to `deadline`.
struct Context {
  std::string request_id;
  std::string region;
  Principal principal;
  Timestamp received;
  std::chrono::steady_clock::time_point deadline;
  std::stop_token stop;
  // Of the request, lower-case names: for the few S3 and runtime headers outside the models.
  std::map<std::string, std::string> headers;
  std::string endpoint;  // "http://127.0.0.1:4566", as the client addressed us
  // Streaming input member (S3 PutObject's Body); null when the operation has none.
  std::unique_ptr<ByteSource> body;
  // The trailing headers that came after the body, lower-case names; to be called once the body was
  // read to its end. Empty function: the request has none.
  std::function<std::map<std::string, std::string>()> trailers;
  // Streaming output member (S3 GetObject's Body): the handler sets it, or leaves it for none.
  std::unique_ptr<ByteSource> response_body;
  // Further response headers, for what is outside the models.
  std::map<std::string, std::string> response_headers;
  int response_status = 0;  // 0: the model's

  const std::string& account() const { return principal.account; }
};

// An operation with its types erased: Values in, Values out, both under the operation's schema.
using Handler = std::function<Result<Value>(Context&, const Value& input)>;

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
    add_erased(Op::service(), Op::operation(),
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
  void add_erased(const schema::Service& service, const schema::Operation& operation,
                  Handler handler);
  // nullptr: not implemented.
  const Handler* find(const schema::Operation& operation) const;

 private:
  std::map<const schema::Operation*, Handler> handlers_;
};

}  // namespace tidemill::services
