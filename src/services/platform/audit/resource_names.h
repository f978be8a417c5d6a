// Which resources a call works on, for the audit log. IAM knows, since policies name them.
#pragma once

#include <string>
#include <vector>

#include "services/platform/handlers/handlers.h"

namespace tidemill::services::platform {

// Thread-safe.
class ResourceNames {
 public:
  virtual ~ResourceNames() = default;
  // Canonical ARNs; empty when the call names no resource, or names one in a way that is refused.
  virtual std::vector<std::string> resources_of(const Context& context,
                                                const schema::Service& service,
                                                const schema::Operation& operation,
                                                const Value& input) = 0;
};

}  // namespace tidemill::services::platform
