// Helper for tests: the metrics that an object registers, as text.
#pragma once

#include <string>

#include "services/platform/metrics/metrics.h"

namespace tidemill::services::platform {

template <class Object>
std::string metrics_text(Object& object) {
  MetricRegistry registry;
  object.add_to(registry);
  return registry.text();
}

}  // namespace tidemill::services::platform
