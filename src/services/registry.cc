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

}  // namespace tidemill::services
