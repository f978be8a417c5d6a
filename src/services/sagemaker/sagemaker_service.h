// Training jobs and tags: what every other resource of SageMaker can do without.
//
//   SagemakerService sagemaker(dependencies);
//   sagemaker.add_to(engine); sagemaker.add_to(registry); sagemaker.add_to(listeners);
//   engine.start(); compute.start(listeners);
#pragma once

#include <memory>
#include <vector>

#include "compute/job_listeners.h"
#include "services/platform/handlers/handlers.h"
#include "services/sagemaker/common/dependencies.h"
#include "store/store.h"

namespace tidemill::services::sagemaker {

class SagemakerService {
 public:
  explicit SagemakerService(Dependencies dependencies);
  ~SagemakerService();
  // Declared before the store opens.
  static std::vector<store::TableSpec> tables();
  void add_to(engine::Engine& engine);
  void add_to(Registry& registry);
  // Before compute/ starts.
  void add_to(compute::JobListeners& listeners);

 private:
  struct Resources;  // one member a resource; keeps their headers out of this one
  const Dependencies dependencies_;
  std::unique_ptr<Resources> resources_;
};

}  // namespace tidemill::services::sagemaker
