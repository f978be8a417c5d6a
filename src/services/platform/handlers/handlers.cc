#include <algorithm>
#include <cstdlib>
#include <future>

#include "base/log.h"
#include "services/platform/handlers/handlers.h"
#include "store/deletion_scope.h"

namespace tidemill::services {

namespace {

// Operations that give something up, by AWS's naming: what they write is written on a full disk.
bool is_deletion(std::string_view operation) {
  constexpr std::string_view kVerbs[] = {"Abort",  "Delete", "Deregister", "Detach",
                                         "Remove", "Stop",   "Untag"};
  return std::ranges::any_of(kVerbs,
                             [&](std::string_view verb) { return operation.starts_with(verb); });
}

}  // namespace

Responder::~Responder() {
  if (!answer_) return;
  answer_(fail("InternalFailure",
               "Tidemill failed inside; its log has the cause under this request id.", 500));
}

Result<Value> run_and_wait(const Handler& handler, Context& context, const Value& input) {
  // Shared with the responder: set_value() may still be at work when get() returns.
  auto answered = std::make_shared<std::promise<Result<Value>>>();
  std::future<Result<Value>> answer = answered->get_future();
  handler.run(context, input, Responder([answered](Result<Value> result) {
                answered->set_value(std::move(result));
              }));
  return answer.get();
}

void Registry::add_now(const schema::Service& service, const schema::Operation& operation,
                       std::function<Result<Value>(Context&, const Value& input)> handler) {
  add_erased(
      service, operation,
      {[handler = std::move(handler)](Context& context, const Value& input, Responder respond) {
        respond(handler(context, input));
      }});
}

void Registry::add_erased(const schema::Service& service, const schema::Operation& operation,
                          Handler handler) {
  if (is_deletion(operation.name))
    handler.run = [run = std::move(handler.run)](Context& context, const Value& input,
                                                 Responder respond) {
      store::DeletionScope scope(true);
      run(context, input, std::move(respond));
    };
  if (!handlers_.emplace(&operation, std::move(handler)).second) {
    log::error("operation registered twice",
               {{"service", service.name}, {"operation", operation.name}});
    std::abort();
  }
}

const Handler* Registry::find(const schema::Operation& operation) const {
  auto found = handlers_.find(&operation);
  return found == handlers_.end() ? nullptr : &found->second;
}

}  // namespace tidemill::services
