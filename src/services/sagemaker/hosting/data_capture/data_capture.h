// DataCaptureConfig of an endpoint configuration: what it may say, and what the recorder makes of
// it.
#pragma once

#include <optional>
#include <string>

#include "api/sagemaker/endpoint_config.h"
#include "base/error.h"
#include "services/sagemaker_runtime/interface.h"

namespace tidemill::services::sagemaker::hosting {

// Checks this member of CreateEndpointConfig. ValidationException.
Result<void> check_data_capture(const api::sagemaker::DataCaptureConfig& config);

struct CapturedVariant {
  std::string account, region, endpoint, variant, role_arn;
  Timestamp role_since = {};  // as RoleUse::since
};
// nullopt when capture is off.
std::optional<sagemaker_runtime::CaptureSettings> capture_settings(
    const api::sagemaker::DataCaptureConfig& config, const CapturedVariant& of);

}  // namespace tidemill::services::sagemaker::hosting
