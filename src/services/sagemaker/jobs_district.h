// The district put together, beside training jobs (sagemaker_service.h): transform jobs with their
// models, and counts of jobs.
#pragma once

#include <memory>
#include <vector>

#include "services/platform/module/platform.h"
#include "services/sagemaker/common/dependencies.h"

namespace tidemill::services::sagemaker::hosting {
class FleetRunner;
}

namespace tidemill::services::sagemaker::jobs {

class Jobs {
 public:
  // Makes everything and registers it with the platform. Borrows all three.
  Jobs(const Dependencies& dependencies, platform::Platform& platform,
       hosting::FleetRunner& fleets);
  ~Jobs();

  static std::vector<store::TableSpec> tables();

 private:
  struct Parts;  // keeps the resources' headers out of this one
  const std::unique_ptr<Parts> parts_;
};

}  // namespace tidemill::services::sagemaker::jobs
