#include <algorithm>
#include <cstdlib>

#include "base/log.h"
#include "services/service.h"

namespace tidemill::services {

void Registry::add_erased(const schema::Service& service, const schema::Operation& operation,
                          Handler handler) {
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

std::vector<std::string> Registry::implemented(const schema::Service& service) const {
  std::vector<std::string> names;
  for (const schema::Operation& operation : service.operations)
    if (handlers_.contains(&operation)) names.emplace_back(operation.name);
  return names;
}

}  // namespace tidemill::services
