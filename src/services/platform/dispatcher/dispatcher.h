// The door of every operation, for callers outside and inside: check the model's constraints,
// authorize, call the handler. The wire is one caller of it; whatever the server does as a role or
// as a service's principal is another, so permission is asked and calls are counted in one place.
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
#include "services/service.h"

namespace tidemill::services::platform {

// How long a call from inside is waited for: Tidemill.Timeout after it.
inline constexpr std::chrono::seconds kCallTime{300};

// Decides operations. Thread-safe.
class Authorizer {
 public:
  virtual ~Authorizer() = default;
  // AccessDenied (S3 and query services) or AccessDeniedException; the service's error when the
  // input names something in another partition, region or account, or in a malformed way. Costs
  // nothing for root.
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

// One call on its way. It lives until it was answered.
struct Call {
  const schema::Service& service;
  const schema::Operation& operation;
  Context context = {};
  Value input = ValueObject();       // under operation.input
  const Handler* handler = nullptr;  // of the operation, for who has looked it up already
  std::unique_ptr<AuditNote> audit_note = {};
};

// Takes the answer of a call, on any thread; the call is gone when it returns.
using Answer = std::move_only_function<void(Call&, Result<Value>)>;

// The principal and the region of a call from inside the server.
struct Caller {
  Principal principal;  // a role's session (IamInterface::role_principal), a service's principal
  std::string region;
  std::stop_token stop = {};
};

struct Reply {
  Value output;                      // under operation.output
  std::unique_ptr<ByteSource> body;  // the streaming member of the output, when it has one
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
  // Told of each call from inside: its error's code, empty for success, and how long it took. The
  // wire counts its own.
  std::function<void(const Call&, const Error*, std::chrono::nanoseconds)> observe = {};
};

// Thread-safe.
class Dispatcher {
 public:
  // The parts are borrowed and must outlive the dispatcher.
  explicit Dispatcher(DispatcherParts parts) : parts_(std::move(parts)) {}

  // Before the first call. The auditor is borrowed.
  void audit_with(Auditor& auditor) { auditor_ = &auditor; }

  // nullptr: not implemented.
  const Handler* find(const schema::Operation& operation) const {
    return parts_.registry.find(operation);
  }
  // NotImplemented, by name.
  static Error not_implemented(const schema::Service& service, const schema::Operation& operation);

  // Checks, asks and runs on this thread, which may block unless the handler does not; the answer
  // comes once, here or later from another thread. An exception of the handler is logged and
  // answered with InternalFailure.
  void call(std::unique_ptr<Call> call, Answer answer);

  // The same for callers inside, who wait for the answer; not on an event loop. Errors as clients
  // get them. The body of the reply may still need the service that gave it.
  Result<Reply> call(const Caller& caller, const schema::Service& service,
                     const schema::Operation& operation, Value input,
                     std::unique_ptr<ByteSource> body = nullptr);
  // The same with botocore's names of the service and operation: "s3", "HeadBucket".
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
