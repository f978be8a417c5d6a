#include "services/sagemaker/hosting/inference_component/inference_component.h"

#include "services/sagemaker/common/listing/listing.h"

namespace tidemill::services::sagemaker::hosting {

TIDEMILL_RECORD_CODEC(Rollout)
TIDEMILL_RECORD_CODEC(InferenceComponent)
TIDEMILL_RECORD_CODEC(ComponentUpdate)

std::string_view invariant(const InferenceComponent& component) {
  namespace status = component_status;
  const std::string& now = component.status;
  if (component.name.empty() || component.arn.empty() || component.endpoint.empty())
    return "an inference component must have a name, an ARN and an endpoint";
  if (now != status::kCreating && now != status::kInService && now != status::kUpdating &&
      now != status::kFailed && now != status::kDeleting)
    return "an inference component's status must be one of the known ones";
  if (now == status::kInService && !component.active)
    return "a component in service must have active copies";
  if (component.pending.has_value() != component.rollout.has_value() ||
      component.pending.has_value() != component.next_specification.has_value())
    return "a pending fleet must have a specification and a rollout";
  if (component.active && component.pending && component.active->id == component.pending->id)
    return "the active and the pending fleet must be different";
  if (now == status::kDeleting && !component.deleting_since)
    return "a component that is being deleted must have the time since when";
  return {};
}

const store::Table<InferenceComponent>& inference_components() {
  static const store::Table<InferenceComponent> table{
      "sagemaker_inference_components",
      {{"by_created",
        [](const InferenceComponent& each) {
          return std::vector<std::string>{
              creation_index_key(each.account, each.region, each.created, each.name)};
        }},
       {"by_status",
        [](const InferenceComponent& each) {
          return std::vector<std::string>{
              store::key({each.account, each.region, each.status, each.name})};
        }},
       {"by_endpoint",
        [](const InferenceComponent& each) {
          return std::vector<std::string>{
              store::key({each.account, each.region, each.endpoint, each.name})};
        }}},
      &invariant};
  return table;
}

std::string component_key(std::string_view account, std::string_view region,
                          std::string_view name) {
  return store::key({account, region, name});
}

std::string components_of(std::string_view account, std::string_view region,
                          std::string_view endpoint) {
  return store::key({account, region, endpoint, ""});
}

std::string component_arn(std::string_view account, std::string_view region,
                          std::string_view name) {
  return "arn:aws:sagemaker:" + std::string(region) + ":" + std::string(account) +
         ":inference-component/" + std::string(name);
}

FleetOwner owner_of(const InferenceComponent& component) {
  return {kComponentJobKind, component.account,    component.region,
          component.name,    component.server_url, kComponentLogGroup + component.name};
}

}  // namespace tidemill::services::sagemaker::hosting
