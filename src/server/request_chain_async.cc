// The path of operations that bypass the worker pool (AsyncOperation): authenticated and authorized
// on the event loop, then handed on.
#include <algorithm>

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
  if (call->request.stream) return gather_then_handle_async(std::move(call));
  Result<void> ready = authenticate(*call);
  if (ready)
    ready = wire::sigv4::prepare_body(call->request, call->identity, dialect_of(call->route));
  if (ready) ready = authorize(*call, head_as_value(*call));
  if (!ready) return finish(*call, encode_error(*call, ready.error()));
  Call& here = *call;
  parts_.async_operation->run(here, [this, call = std::move(call)](HttpResponse response) {
    finish(*call, std::move(response));
  });
}

// A body too large for the loop to gather: a worker reads it, then a loop goes on.
void RequestChain::gather_then_handle_async(std::unique_ptr<Call> call) {
  submit(std::move(call), [this](std::unique_ptr<Call> taken) {
    std::uint64_t limit_bytes = parts_.async_operation->body_bytes_max();
    std::uint64_t bytes = taken->request.stream->size().value_or(limit_bytes);
    std::optional<ByteBudget::Hold> hold = gathered_bytes_.take(std::min(bytes, limit_bytes));
    if (!hold)
      return finish(
          *taken,
          encode_error(*taken, {"ThrottlingException",
                                "The bodies of the requests under way have as many bytes "
                                "as the server holds at once, " +
                                    std::to_string(gathered_bytes_.bytes_max()) + "; try again.",
                                429}));
    taken->gathered = *std::move(hold);
    Result<std::string> body = read_all(*taken->request.stream, limit_bytes);
    if (!body) {
      Error error = body.error();
      if (error.code == codes::kOverloaded)
        error = Error{"ValidationError",
                      "The payload exceeds the limit of " + std::to_string(limit_bytes) + " bytes.",
                      413};
      return finish(*taken, encode_error(*taken, error));
    }
    taken->request.body = *std::move(body);
    taken->request.stream.reset();
    parts_.loops.nearest().post(
        [this, call = std::move(taken)]() mutable { handle_async(std::move(call)); });
  });
}

}  // namespace tidemill::server
