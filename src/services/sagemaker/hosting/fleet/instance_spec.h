// The job behind one container of an instance.
#pragma once

#include <map>
#include <string>

#include "compute/compute.h"
#include "services/sagemaker/common/images/images.h"
#include "services/sagemaker/common/job_network.h"
#include "services/sagemaker/hosting/fleet/fleet.h"

namespace tidemill::services::sagemaker::hosting {

struct InstanceSurroundings {
  // Volumes, by name.
  std::string model;       // the unpacked model, read-only for the job
  std::string models;      // of a multi-model container: what it may be told to load; else ""
  std::string instance;    // becomes /opt/ml but for the model
  std::uint16_t port = 0;  // 0: listens on the socket that it inherits
  JobNetwork network;
  std::map<std::string, std::string> credentials;  // variables, as of role_environment()
};

inline constexpr const char* kModelFolder = "/opt/ml/model";
// The folder in which a multi-model container's process finds the models that it must load.
inline constexpr const char* kModelsFolder = "/opt/ml/models";

compute::JobSpec instance_spec(const FleetOwner& owner, const Variant& variant,
                               const ServerRef& ref, const InstanceSurroundings& surroundings);

// The reason of a failure from a model server's log: its last traceback, else its last lines.
std::string reason_from_log(std::string_view log, std::size_t bytes_max);

}  // namespace tidemill::services::sagemaker::hosting
