// A container of a variant of a fleet, with its volumes; internal to fleet/.
#pragma once

#include <string>

#include "services/sagemaker/hosting/fleet/fleet_runner.h"

namespace tidemill::services::sagemaker::hosting {

// Between two looks at a process that starts or ends.
inline constexpr std::chrono::milliseconds kPollPause{15};

inline std::string instance_key(const std::string& fleet, const InstanceIndex& at) {
  return fleet + "/" + std::to_string(at.variant) + "/" + std::to_string(at.instance);
}

// The beginning of the names of a fleet's volumes.
inline std::string fleet_volumes(const std::string& fleet) {
  return std::string(kFleetVolumes) + "/" + fleet;
}

struct FleetRunner::Place {
  Place(const compute::Volumes& volumes, const FleetOwner& from, const Fleet& fleet,
        std::size_t variant_index, std::size_t container_index)
      : owner(from),
        fleet_id(fleet.id),
        variant(fleet.variants.at(variant_index)),
        container(variant.containers.at(container_index)),
        name(fleet_volumes(fleet.id) + "/" + std::to_string(variant_index) + "/c" +
             std::to_string(container_index)),
        folder(volumes.folder(name)),
        index(container_index) {}

  std::string model_volume() const { return name + "/model"; }
  std::string models_volume() const { return name + "/models"; }
  // The server's copies of the volumes.
  std::string model_folder() const { return folder + "/model"; }
  // The folder of a multi-model container's targets, each in a folder of its own below it.
  std::string models_folder() const { return folder + "/models"; }
  // "primary container", "container 2"
  std::string title() const {
    return variant.containers.size() < 2 ? "primary container"
                                         : "container " + std::to_string(index + 1);
  }

  const FleetOwner& owner;
  const std::string& fleet_id;
  const Variant& variant;
  const Container& container;
  std::string name;  // of its volumes, their first parts
  std::string folder;
  std::size_t index;
};

}  // namespace tidemill::services::sagemaker::hosting
