// SageMaker, put together. The server makes one, adds it to the engine before that starts, to the
// registry, and gives its job listener to compute/.
//
//   SagemakerService sagemaker(dependencies);
//   sagemaker.add_to(engine); sagemaker.add_to(registry);
//   engine.start(); compute.start(sagemaker.jobs());
#pragma once

#include <memory>
#include <vector>

#include "compute/job_listeners.h"
#include "services/sagemaker/common/dependencies.h"
#include "services/service.h"
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
  // Whose job is whose; resources made elsewhere add themselves before compute/ starts.
  compute::JobListeners& jobs() { return job_listeners_; }

 private:
  struct Resources;  // one member a resource; keeps their headers out of this one
  const Dependencies dependencies_;
  std::unique_ptr<Resources> resources_;
  compute::JobListeners job_listeners_;
};

}  // namespace tidemill::services::sagemaker
