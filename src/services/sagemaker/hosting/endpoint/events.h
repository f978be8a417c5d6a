// The events of an endpoint's state machine. The store contains the types' names.
#pragma once

#include <string>

#include "services/sagemaker/hosting/endpoint/endpoint.h"
#include "services/sagemaker/hosting/fleet/fleet_events.h"

namespace tidemill::services::sagemaker::hosting::endpoint_events {

struct UpdateRequested : DeploymentRequest {
  static constexpr const char* kType = kUpdateRequested;
};
BOOST_DESCRIBE_STRUCT(UpdateRequested, (DeploymentRequest), ())

// The payload is the fleet as it is now.
struct InstancesReady : Fleet {
  static constexpr const char* kType = kInstancesReady;
};
BOOST_DESCRIBE_STRUCT(InstancesReady, (Fleet), ())

struct InstancesFailed : InstancesRef {
  static constexpr const char* kType = kInstancesFailed;
};
BOOST_DESCRIBE_STRUCT(InstancesFailed, (InstancesRef), ())

struct CapacityRequested : CapacityRequest {
  static constexpr const char* kType = kCapacityRequested;
};
BOOST_DESCRIBE_STRUCT(CapacityRequested, (CapacityRequest), ())

// The routes are at least as new as this step of the deployment under way.
struct Published {
  static constexpr const char* kType = kPublished;
  std::string deployment;
  std::int64_t step = 0;
};
BOOST_DESCRIBE_STRUCT(Published, (), (deployment, step))

}  // namespace tidemill::services::sagemaker::hosting::endpoint_events
