#include "services/sagemaker/hosting/inference_component/rules.h"

#include <algorithm>
#include <cstdio>
#include <span>
#include <tuple>

#include "compute/instance_types.h"
#include "services/sagemaker/common/images/images.h"
#include "services/sagemaker/common/s3_uri.h"

namespace tidemill::services::sagemaker::hosting {
namespace {

namespace api = tidemill::api::sagemaker;

std::unexpected<Error> invalid(std::string message) {
  return fail("ValidationException", std::move(message));
}

Result<void> check_container(const api::InferenceComponentContainerSpecification& container) {
  if (!container.image) return invalid("Specification.Container has no Image.");
  TRY(resolve_image(*container.image));
  if (container.artifact_url) TRY(parse_s3_uri(*container.artifact_url));
  if (container.container_metrics_config)
    return invalid("ContainerMetricsConfig is not implemented by Tidemill; leave it out.");
  return {};
}

// "2", "0.5"
std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", value);
  return text;
}

std::string sizes(double memory_mib, double cpus, double accelerators) {
  std::string text = number(memory_mib) + " MB of memory";
  if (cpus > 0) text += ", " + number(cpus) + " CPU cores";
  if (accelerators > 0) text += ", " + number(accelerators) + " accelerators";
  return text;
}

struct Room {
  double memory_mib = 0, cpus = 0, accelerators = 0;

  bool take(const Claim& claim) {
    if (claim.memory_mib > memory_mib || claim.cpus > cpus || claim.accelerators > accelerators)
      return false;
    memory_mib -= claim.memory_mib;
    cpus -= claim.cpus;
    accelerators -= claim.accelerators;
    return true;
  }
};

std::int64_t copies_of(const api::InferenceComponentCapacitySize& size, std::int64_t copies) {
  if (size.type == api::inference_component_capacity_size_type::kCopyCount) return size.value;
  return std::max<std::int64_t>(1, copies * size.value / 100);
}

}  // namespace

Result<void> check_specification(const ComponentSpecification& specification) {
  if (specification.base_inference_component_name)
    return invalid("Adapters (BaseInferenceComponentName) are not implemented by Tidemill.");
  if (specification.model_name && specification.container)
    return invalid("Give either Specification.ModelName or Specification.Container, not both.");
  if (!specification.model_name && !specification.container)
    return invalid("Give Specification.ModelName or Specification.Container.");
  if (specification.container) TRY(check_container(*specification.container));
  if (!specification.compute_resource_requirements)
    return invalid("Specification.ComputeResourceRequirements is missing.");
  const auto& wanted = *specification.compute_resource_requirements;
  if (wanted.max_memory_required_in_mb &&
      *wanted.max_memory_required_in_mb < wanted.min_memory_required_in_mb)
    return invalid("MaxMemoryRequiredInMb must not be less than MinMemoryRequiredInMb.");
  if (wanted.accelerator_partition_type)
    return invalid("AcceleratorPartitionType is not implemented by Tidemill; leave it out.");
  return {};
}

Result<Rollout> make_rollout(const api::InferenceComponentDeploymentConfig* config,
                             std::int64_t copies) {
  Rollout rollout;
  if (!config) return rollout;
  if (config->auto_rollback_configuration)
    return invalid("AutoRollbackConfiguration is not implemented by Tidemill; leave it out.");
  const api::InferenceComponentRollingUpdatePolicy& policy = *config->rolling_update_policy;
  if (policy.rollback_maximum_batch_size)
    return invalid(
        "RollbackMaximumBatchSize is not implemented by Tidemill: a rollback brings all copies "
        "back at once; leave it out.");
  constexpr std::int64_t kPercentMin = 5, kPercentMax = 50;
  const api::InferenceComponentCapacitySize& size = *policy.maximum_batch_size;
  const bool percent = size.type == api::inference_component_capacity_size_type::kCapacityPercent;
  if ((percent && (size.value < kPercentMin || size.value > kPercentMax)) ||
      (!percent && size.value > std::max<std::int64_t>(1, copies / 2)))
    return invalid(
        "MaximumBatchSize must be from 5 to 50 percent of the copies, of which there "
        "are " +
        std::to_string(copies) + ".");
  rollout.batch = copies_of(size, copies);
  rollout.wait_seconds = policy.wait_interval_in_seconds;
  rollout.time_max_seconds = policy.maximum_execution_timeout_in_seconds.value_or(0);
  return rollout;
}

Result<void> check_copies(std::int64_t copies, std::int64_t copies_min) {
  if (copies >= copies_min && copies <= kCopiesMax) return {};
  return invalid("CopyCount must be from " + std::to_string(copies_min) + " to " +
                 std::to_string(kCopiesMax) + " here.");
}

Claim claim_of(std::string component, const ComponentSpecification& specification,
               std::int64_t copies) {
  Claim claim{std::move(component), copies};
  if (!specification.compute_resource_requirements) return claim;
  const auto& wanted = *specification.compute_resource_requirements;
  claim.memory_mib = double(wanted.min_memory_required_in_mb);
  claim.cpus = wanted.number_of_cpu_cores_required.value_or(0);
  claim.accelerators = wanted.number_of_accelerator_devices_required.value_or(0);
  return claim;
}

Claim claim_of(const InferenceComponent& component) {
  const bool answers = component.active || component.pending;
  if (!answers) return {component.name};
  std::int64_t copies = component.copies;
  if (component.active)
    copies = std::max(copies, std::ssize(component.active->variants.front().instances));
  Claim claim = claim_of(component.name, component.specification, copies);
  if (!component.next_specification) return claim;
  const Claim next = claim_of(component.name, *component.next_specification, copies);
  claim.memory_mib = std::max(claim.memory_mib, next.memory_mib);
  claim.cpus = std::max(claim.cpus, next.cpus);
  claim.accelerators = std::max(claim.accelerators, next.accelerators);
  return claim;
}

Result<void> check_room(std::vector<Claim> claims, const Variant& variant) {
  const auto* type = compute::find_instance_type(variant.instance_type);
  if (!type) return invalid("The variant " + variant.name + " has no instance type.");
  constexpr double kMibPerGib = 1024;
  const Room whole{type->memory_gib * kMibPerGib, double(type->vcpus), double(type->gpus)};
  std::vector<Room> instances(std::size_t(variant.instance_count), whole);
  const Claim asking = claims.front();
  double others_memory_mib = 0, others_cpus = 0;
  for (const Claim& each : std::span(claims).subspan(1)) {
    others_memory_mib += each.memory_mib * double(each.copies);
    others_cpus += each.cpus * double(each.copies);
  }
  std::ranges::sort(claims, std::greater(), [](const Claim& each) {
    return std::tuple(each.accelerators, each.memory_mib, each.cpus);
  });
  for (const Claim& claim : claims)
    for (std::int64_t copy = 0; copy < claim.copies; ++copy) {
      auto fits = [&](Room& room) { return room.take(claim); };
      if (std::ranges::any_of(instances, fits)) continue;
      return invalid(
          "There is not enough hardware resources on the instances for this endpoint to create a "
          "copy of the inference component. " +
          asking.component + " asks for " + std::to_string(asking.copies) + " x " +
          sizes(asking.memory_mib, asking.cpus, asking.accelerators) + "; variant " + variant.name +
          " has " + std::to_string(variant.instance_count) + " x " + variant.instance_type +
          " with " + sizes(whole.memory_mib, whole.cpus, whole.accelerators) +
          ", of which other components take " + sizes(others_memory_mib, others_cpus, 0) +
          ". Ask for less, for fewer copies, or give the variant more instances.");
    }
  return {};
}

}  // namespace tidemill::services::sagemaker::hosting
