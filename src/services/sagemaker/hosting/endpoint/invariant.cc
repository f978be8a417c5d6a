#include "services/sagemaker/hosting/endpoint/invariant.h"

namespace tidemill::services::sagemaker::hosting {

std::string_view invariant(const Endpoint& endpoint) {
  namespace status = endpoint_status;
  const std::string& now = endpoint.status;
  if (endpoint.name.empty() || endpoint.arn.empty()) return "an endpoint has a name and an ARN";
  if (now != status::kCreating && now != status::kInService && now != status::kUpdating &&
      now != status::kRollingBack && now != status::kFailed && now != status::kDeleting)
    return "the status is none that an endpoint has";
  if (now == status::kInService && !endpoint.active)
    return "an endpoint in service has a fleet that answers";
  if (endpoint.pending && !endpoint.deployment && now != status::kDeleting)
    return "a fleet is started by a deployment only";
  if (endpoint.active && endpoint.pending && endpoint.active->id == endpoint.pending->id)
    return "the active and the pending fleet are two";
  if (now == status::kDeleting && !endpoint.deleting_since)
    return "an endpoint that is being deleted says since when";
  return {};
}

}  // namespace tidemill::services::sagemaker::hosting
