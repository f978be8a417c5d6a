#include "services/sagemaker/hosting/endpoint/invariant.h"

namespace tidemill::services::sagemaker::hosting {

std::string_view invariant(const Endpoint& endpoint) {
  namespace status = endpoint_status;
  const std::string& now = endpoint.status;
  if (endpoint.name.empty() || endpoint.arn.empty())
    return "an endpoint must have a name and an ARN";
  if (now != status::kCreating && now != status::kInService && now != status::kUpdating &&
      now != status::kRollingBack && now != status::kFailed && now != status::kDeleting)
    return "an endpoint's status must be one of the known ones";
  if (now == status::kInService && !endpoint.active)
    return "an endpoint in service must have an active fleet";
  if (endpoint.pending && !endpoint.deployment && now != status::kDeleting)
    return "an endpoint with a pending fleet must have a deployment";
  if (endpoint.active && endpoint.pending && endpoint.active->id == endpoint.pending->id)
    return "the active and the pending fleet must be different";
  if (now == status::kDeleting && !endpoint.deleting_since)
    return "an endpoint that is being deleted must have the time since when";
  return {};
}

}  // namespace tidemill::services::sagemaker::hosting
