// The events that the state machines of endpoints and of inference components share. The store
// contains the types' names.
#pragma once

#include "services/sagemaker/hosting/fleet/fleet_transitions.h"

namespace tidemill::services::sagemaker::hosting::fleet_events {

// The wait of a step of a deployment is over.
struct Advance : InstancesRef {
  static constexpr const char* kType = kAdvance;
};
BOOST_DESCRIBE_STRUCT(Advance, (InstancesRef), ())

struct TimeOut : InstancesRef {
  static constexpr const char* kType = kTimeOut;
};
BOOST_DESCRIBE_STRUCT(TimeOut, (InstancesRef), ())

struct Draining : StopRef {
  static constexpr const char* kType = kDraining;
};
BOOST_DESCRIBE_STRUCT(Draining, (StopRef), ())

struct Stopped : StopRef {
  static constexpr const char* kType = kStopped;
};
BOOST_DESCRIBE_STRUCT(Stopped, (StopRef), ())

struct ServerExited : ServerRef {
  static constexpr const char* kType = kServerExited;
};
BOOST_DESCRIBE_STRUCT(ServerExited, (ServerRef), ())

// It still runs.
struct ServerUnhealthy : ServerRef {
  static constexpr const char* kType = kServerUnhealthy;
};
BOOST_DESCRIBE_STRUCT(ServerUnhealthy, (ServerRef), ())

// The payload has the server's port.
struct ServerReady : ServerRef {
  static constexpr const char* kType = kServerReady;
};
BOOST_DESCRIBE_STRUCT(ServerReady, (ServerRef), ())

struct DeleteRequested {
  static constexpr const char* kType = kDeleteRequested;
};
BOOST_DESCRIBE_STRUCT(DeleteRequested, (), ())

}  // namespace tidemill::services::sagemaker::hosting::fleet_events
