#include "services/platform/dispatcher/dispatcher.h"

#include <algorithm>
#include <boost/static_string/static_string.hpp>
#include <future>

#include "base/log.h"
#include "services/platform/constraints/constraints.h"

namespace tidemill::services::platform {
namespace {

constexpr std::size_t kRequestIdBytesMax = 64;
constexpr std::chrono::milliseconds kWaitSlice{100};

}  // namespace

Error Dispatcher::not_implemented(const schema::Service& service,
                                  const schema::Operation& operation) {
  return {"NotImplemented",
          std::string(operation.name) + " of " + std::string(service.service_id) +
              " is not implemented by Tidemill; `tidemill coverage` or docs/coverage.md lists what "
              "is implemented.",
          501};
}

void Dispatcher::call(std::unique_ptr<Call> call, Answer answer) {
  Call& here = *call;
  // Copied to the stack, because the call is destroyed as soon as it is answered.
  const boost::static_string<kRequestIdBytesMax> request_id(
      here.context.request_id.data(), std::min(here.context.request_id.size(), kRequestIdBytesMax));
  const std::string_view operation = here.operation.name;
  try {
    // If an exception destroys it unanswered, the responder itself answers InternalFailure.
    Responder respond(
        [this, call = std::move(call), answer = std::move(answer)](Result<Value>&& result) mutable {
          finish(std::move(call), std::move(answer), std::move(result));
        });
    run(here, std::move(respond));
  } catch (const std::exception& error) {
    log::error("an operation threw",
               {{"request_id", std::string_view(request_id.data(), request_id.size())},
                {"operation", operation},
                {"what", error.what()}});
  }
}

void Dispatcher::finish(std::unique_ptr<Call> call, Answer answer, Result<Value> result) {
  std::optional<AuditRecord> record;
  if (auditor_) record = auditor_->end(*call, call->audit_note.get(), result);
  // A refused document is freed before the answer, which may bring the client's next one.
  call->input = Value();
  if (!record) return answer(*call, std::move(result));
  auditor_->append(*std::move(record),
                   [call = std::move(call), answer = std::move(answer),
                    result = std::move(result)]() mutable { answer(*call, std::move(result)); });
}

void Dispatcher::run(Call& call, Responder respond) {
  const Handler* handler = call.handler ? call.handler : find(call.operation);
  if (!handler) return respond(std::unexpected(not_implemented(call.service, call.operation)));
  Result<void> allowed = check_constraints(call.service, call.operation, call.input);
  if (allowed)
    allowed = parts_.authorizer.authorize_operation(call.context, call.service, call.operation,
                                                    call.input);
  if (!allowed) return respond(std::unexpected(std::move(allowed).error()));
  if (auditor_) call.audit_note = auditor_->begin(call);
  const Value input = std::move(call.input);
  handler->run(call.context, input, std::move(respond));
}

const schema::Service* Dispatcher::find_service(std::string_view name) const {
  for (const schema::Service* service : parts_.services)
    if (service->name == name) return service;
  return nullptr;
}

Result<Reply> Dispatcher::call(const Caller& caller, std::string_view service_name,
                               std::string_view operation_name, Value input,
                               std::unique_ptr<ByteSource> body) {
  const schema::Service* service = find_service(service_name);
  const schema::Operation* operation =
      service ? schema::find_operation(*service, operation_name) : nullptr;
  if (!operation)
    return fail(codes::kInvalid, "there is no operation " + std::string(operation_name) +
                                     " of a service " + std::string(service_name));
  return call(caller, *service, *operation, std::move(input), std::move(body));
}

Result<Reply> Dispatcher::call(const Caller& caller, const schema::Service& service,
                               const schema::Operation& operation, Value input,
                               std::unique_ptr<ByteSource> body) {
  std::unique_ptr<Call> made(new Call{service, operation});
  made->input = std::move(input);
  Context& context = made->context;
  context.request_id = make_uuid(parts_.random);
  context.region = caller.region;
  context.principal = caller.principal;
  context.received = parts_.clock.now();
  // The same values as in a request signed by an SDK, since policies may test them.
  context.signature = {"REST-HEADER", "AWS4-HMAC-SHA256", context.received};
  const auto begun = std::chrono::steady_clock::now();
  context.deadline = begun + kCallTime;
  context.stop = caller.stop;
  if (!caller.via_service.empty())
    context.find_header = [via = caller.via_service](std::string_view name) {
      return name == kViaServiceField ? &via : nullptr;
    };
  context.body = std::move(body);

  // Shared with the answer, which may come after this call has given up, or never.
  auto replied = std::make_shared<std::promise<Result<Reply>>>();
  std::future<Result<Reply>> reply = replied->get_future();
  Answer answer = [this, begun, replied = std::move(replied)](Call& call, Result<Value> result) {
    if (parts_.observe)
      parts_.observe(call, result ? nullptr : &result.error(),
                     std::chrono::steady_clock::now() - begun);
    if (result)
      replied->set_value(Reply{std::move(*result), std::move(call.context.response_body),
                               std::move(call.context.response_headers)});
    else
      replied->set_value(std::unexpected(std::move(result).error()));
  };
  const Handler* handler = find(operation);
  if (!handler || handler->blocks)
    this->call(std::move(made), std::move(answer));
  else
    parts_.loops.nearest().post(
        [this, made = std::move(made), answer = std::move(answer)]() mutable {
          this->call(std::move(made), std::move(answer));
        });
  while (reply.wait_for(kWaitSlice) != std::future_status::ready) {
    if (caller.stop.stop_requested()) return fail(codes::kCancelled, "the caller is stopping");
    if (std::chrono::steady_clock::now() - begun > kCallTime)
      return fail(codes::kTimeout, "an in-process call was not answered in time");
  }
  try {
    return reply.get();
  } catch (const std::future_error&) {
    return fail(codes::kCancelled, "the server is stopping");  // an event loop dropped the call
  }
}

}  // namespace tidemill::services::platform
