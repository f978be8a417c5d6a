// The one entrance to every operation: check the model's constraints, authorize, call the handler.
// The wire uses it for requests, and the server uses it for what it does as a role or as a service
// principal, so that permissions are checked and calls are counted in one place.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/random.h"
#include "runtime/event_loops.h"
#include "services/platform/audit/auditor.h"
#include "services/platform/handlers/handlers.h"

namespace tidemill::services::platform {

// How long the caller of an in-process call waits; then the call fails with Tidemill.Timeout.
inline constexpr std::chrono::seconds kCallTime{300};

// The pseudo header of a call that a service makes as its own caller; its value is the service's
// name. Policies test it as aws:ViaAWSService and kms:ViaService; requests cannot have it.
inline constexpr std::string_view kViaServiceField = ":via-service";

// Decides whether a principal may call an operation. Thread-safe.
class Authorizer {
 public:
  virtual ~Authorizer() = default;
  // AccessDenied (S3 and query services) or AccessDeniedException; the service's own error when the
  // input is malformed or names something in another partition, region or account. Costs nothing
  // for root.
  virtual Result<void> authorize_operation(const Context& context, const schema::Service& service,
                                           const schema::Operation& operation,
                                           const Value& input) = 0;
};

// Decides single items of operations that name several, where AWS answers for each. Thread-safe.
class ItemAuthorizer {
 public:
  virtual ~ItemAuthorizer() = default;
  // `input` is what the operation would have for this item alone. AccessDeniedException when it is
  // refused.
  virtual Result<void> authorize_item(const Context& context, std::string_view action,
                                      std::string_view resource, const Value& input) = 0;
};

// A call in progress. It lives until it is answered. Make it in place and fill it then, because
// moving a Context is costly.
struct Call {
  const schema::Service& service;
  const schema::Operation& operation;
  Context context = {};
  Value input = ValueObject();       // under operation.input
  const Handler* handler = nullptr;  // of the operation, when the caller has looked it up already
  std::unique_ptr<AuditNote> audit_note = {};
};

// Receives the answer to a call, on any thread; the call is destroyed when this returns.
using Answer = std::move_only_function<void(Call&, Result<Value>)>;

// The principal and the region of an in-process call.
struct Caller {
  Principal principal;  // a role session (IamInterface::role_principal) or service principal
  std::string region;
  std::stop_token stop = {};
  // The service that makes the call as its own caller: "s3.us-east-1.amazonaws.com". Empty: none.
  std::string via_service = {};
};

struct Reply {
  Value output;                      // under operation.output
  std::unique_ptr<ByteSource> body;  // the output's streaming member, if it has one
  // Response headers that are not members of the output.
  std::map<std::string, std::string> headers;
};

struct DispatcherParts {
  const Registry& registry;
  Authorizer& authorizer;
  std::span<const schema::Service* const> services;
  runtime::EventLoops& loops;
  const Clock& clock;
  Random& random;
  // Told the error code ("" for success) and the duration of each in-process call. The wire counts
  // its own calls.
  std::function<void(const Call&, const Error*, std::chrono::nanoseconds)> observe = {};
};

// Thread-safe.
class Dispatcher {
 public:
  // The parts are borrowed and must outlive the dispatcher.
  explicit Dispatcher(DispatcherParts parts) : parts_(std::move(parts)) {}

  // Before the first call. The auditor is borrowed.
  void audit_with(Auditor& auditor) { auditor_ = &auditor; }

  // nullptr: the operation is not implemented.
  const Handler* find(const schema::Operation& operation) const {
    return parts_.registry.find(operation);
  }
  // The NotImplemented error, which names the operation.
  static Error not_implemented(const schema::Service& service, const schema::Operation& operation);

  // Checks, authorizes and runs the handler on this thread, which may block unless the handler
  // never does. The answer comes exactly once, now or later on another thread. An exception thrown
  // by the handler is logged and answered with InternalFailure.
  void call(std::unique_ptr<Call> call, Answer answer);

  // The same for in-process callers that wait for the answer; not for event loops. Fails with the
  // errors that clients would get. Reading the reply's body may still need the service behind it.
  Result<Reply> call(const Caller& caller, const schema::Service& service,
                     const schema::Operation& operation, Value input,
                     std::unique_ptr<ByteSource> body = nullptr);
  // The same, with botocore's names of the service and the operation: "s3", "HeadBucket".
  Result<Reply> call(const Caller& caller, std::string_view service, std::string_view operation,
                     Value input, std::unique_ptr<ByteSource> body = nullptr);

 private:
  const schema::Service* find_service(std::string_view name) const;
  void run(Call& call, Responder respond);
  // Answers, once the call's audit record is durable.
  void finish(std::unique_ptr<Call> call, Answer answer, Result<Value> result);

  const DispatcherParts parts_;
  Auditor* auditor_ = nullptr;  // nullptr: calls are not audited
};

}  // namespace tidemill::services::platform
