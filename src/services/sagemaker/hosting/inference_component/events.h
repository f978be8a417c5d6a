// The events of an inference component's state machine. The store contains the types' names.
#pragma once

#include "services/sagemaker/hosting/fleet/fleet_events.h"
#include "services/sagemaker/hosting/inference_component/inference_component.h"

namespace tidemill::services::sagemaker::hosting::component_events {

struct UpdateRequested : ComponentUpdate {
  static constexpr const char* kType = kUpdateRequested;
};
BOOST_DESCRIBE_STRUCT(UpdateRequested, (ComponentUpdate), ())

// The payload is the fleet as it is now.
struct CopiesReady : Fleet {
  static constexpr const char* kType = kCopiesReady;
};
BOOST_DESCRIBE_STRUCT(CopiesReady, (Fleet), ())

struct CopiesFailed : InstancesRef {
  static constexpr const char* kType = kCopiesFailed;
};
BOOST_DESCRIBE_STRUCT(CopiesFailed, (InstancesRef), ())

// The publication of this number is over.
struct Published {
  static constexpr const char* kType = kPublished;
  std::int64_t number = 0;
};
BOOST_DESCRIBE_STRUCT(Published, (), (number))

struct CopiesRequested {
  static constexpr const char* kType = kCopiesRequested;
  std::int64_t copies = 0;
};
BOOST_DESCRIBE_STRUCT(CopiesRequested, (), (copies))

// A server that was to be started again did not come up.
struct RestartFailed : ServerRef {
  static constexpr const char* kType = kRestartFailed;
};
BOOST_DESCRIBE_STRUCT(RestartFailed, (ServerRef), ())

}  // namespace tidemill::services::sagemaker::hosting::component_events
