// Checks what an inference component asks for, and whether an endpoint's instances have it.
#pragma once

#include <string>
#include <vector>

#include "services/sagemaker/hosting/inference_component/inference_component.h"

namespace tidemill::services::sagemaker::hosting {

// Checks across members, and that nothing is asked for that is not there. ValidationException.
Result<void> check_specification(const ComponentSpecification& specification);
// `copies` of the component as it will be. ValidationException.
Result<Rollout> make_rollout(const api::sagemaker::InferenceComponentDeploymentConfig* config,
                             std::int64_t copies);
Result<void> check_copies(std::int64_t copies, std::int64_t copies_min);

// The share of its endpoint's instances that a component holds.
struct Claim {
  std::string component;
  std::int64_t copies = 0;
  // The share of each copy.
  double memory_mib = 0, cpus = 0, accelerators = 0;
};
Claim claim_of(std::string component, const ComponentSpecification& specification,
               std::int64_t copies);
// While one is being updated, the more of both.
Claim claim_of(const InferenceComponent& component);

// Whether all these copies find room on the variant's instances, each on one of them: the larger
// ones first, each where it first fits. ValidationException with what is short; the first claim is
// that of who asks.
Result<void> check_room(std::vector<Claim> claims, const Variant& variant);

}  // namespace tidemill::services::sagemaker::hosting
