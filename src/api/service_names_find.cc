#include "api/service_names.h"

namespace tidemill::api {

std::string_view service_called(std::string_view in_request) {
  if (in_request.empty()) return {};
  std::string_view best;
  for (const ServiceName& service : service_names()) {
    if (service.target_prefix == in_request) return service.name;
    // Several services share a signing name ("SageMaker Runtime"); the shortest is the family's.
    if (service.signing_name == in_request && (best.empty() || service.name.size() < best.size()))
      best = service.name;
  }
  return best;
}

}  // namespace tidemill::api
