#include <algorithm>
#include <cstdlib>

#include "base/log.h"
#include "services/service.h"
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

void Registry::add_erased(const schema::Service& service, const schema::Operation& operation,
                          Handler handler) {
  if (is_deletion(operation.name))
    handler = [handler = std::move(handler)](Context& context, const Value& input) {
      store::DeletionScope scope(true);
      return handler(context, input);
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
