// The path of operations that bypass the worker pool (AsyncOperation): authenticated and authorized
// on the event loop, then handed on.
#include "server/request_chain.h"
#include "wire/sigv4/payload.h"

namespace tidemill::server {
namespace {

using wire::HttpResponse;

// The asynchronous path decodes no more of its input than what authorization looks at: the path's
// labels and the headers.
Value head_as_value(const Call& call) {
  ValueObject input;
  if (call.identity.root) return input;
  for (const auto& [name, value] : call.route.labels) input.append(std::string(name), value);
  if (call.route.operation->input)
    for (const schema::Member& member : call.route.operation->input->members)
      if (member.location == schema::Location::header)
        if (const std::string* value = call.request.headers.find(member.wire_name))
          input.append(std::string(member.name), *value);
  return input;
}

}  // namespace

void RequestChain::handle_async(std::unique_ptr<Call> call) {
  // A large body takes its time to be hashed, which a loop does not have.
  if (call->request.body.size() > kBodyBytesOnLoopMax)
    return submit(std::move(call), [this](std::unique_ptr<Call> taken) {
      if (Result<void> proved = prove(*taken); !proved)
        return finish(*taken, encode_error(*taken, proved.error()));
      parts_.loops.nearest().post(
          [this, call = std::move(taken)]() mutable { run_async(std::move(call)); });
    });
  if (Result<void> proved = prove(*call); !proved)
    return finish(*call, encode_error(*call, proved.error()));
  run_async(std::move(call));
}

// Who sent the request, and that its body is what was signed.
Result<void> RequestChain::prove(Call& call) {
  if (!call.proven) TRY(authenticate(call));
  return wire::sigv4::prepare_body(call.request, call.identity, dialect_of(call.route));
}

void RequestChain::run_async(std::unique_ptr<Call> call) {
  if (Result<void> allowed = authorize(*call, head_as_value(*call)); !allowed)
    return finish(*call, encode_error(*call, allowed.error()));
  Call& here = *call;
  parts_.async_operation->run(here, [this, call = std::move(call)](HttpResponse response) {
    finish(*call, std::move(response));
  });
}

}  // namespace tidemill::server
