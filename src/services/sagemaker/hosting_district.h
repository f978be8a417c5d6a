// The district put together: models, endpoint configurations, endpoints with their fleets,
// inference components and asynchronous inference.
#pragma once

#include <memory>
#include <vector>

#include "services/platform/module/platform.h"
#include "services/sagemaker/common/dependencies.h"

namespace tidemill::services::sagemaker::hosting {

class FleetRunner;

class Hosting {
 public:
  // Makes everything and registers it with the platform. Borrows both.
  Hosting(const Dependencies& dependencies, platform::Platform& platform);
  ~Hosting();

  static std::vector<store::TableSpec> tables();
  // Publishes routes, watches model servers, takes up what waits. After the engine has started.
  Result<void> start();
  // Ends waits, so that the engine can stop; model servers go on.
  void stop();
  // For transform jobs, whose models are fleets of their own.
  FleetRunner& fleets();

 private:
  struct Parts;  // keeps the resources' headers out of this one
  const std::unique_ptr<Parts> parts_;
};

}  // namespace tidemill::services::sagemaker::hosting
