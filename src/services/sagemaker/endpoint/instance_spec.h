// The job behind one instance of a Python or executable model.
#pragma once

#include <string>

#include "compute/compute.h"
#include "services/sagemaker/endpoint/endpoint.h"
#include "services/sagemaker/images/images.h"

namespace tidemill::services::sagemaker {

struct InstanceSurroundings {
  compute::Isolation isolation;
  std::string model_folder;     // the unpacked model, read-only for the job
  std::string instance_folder;  // becomes /opt/ml but for the model
  std::uint16_t port = 0;
  std::string server_url;
  std::string access_key_id, secret_access_key, session_token;
};

compute::JobSpec instance_spec(const Endpoint& endpoint, const Variant& variant,
                               const InstanceRef& ref, const Programs& programs,
                               const InstanceSurroundings& surroundings);

// What a failed model server's log says about the reason: its last traceback, else its last lines.
std::string reason_from_log(std::string_view log, std::size_t bytes_max);

}  // namespace tidemill::services::sagemaker
