// For tests of an endpoint's transitions.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "engine/transitions.h"
#include "services/sagemaker/hosting/endpoint/events.h"
#include "services/sagemaker/hosting/endpoint/transitions.h"
#include "services/sagemaker/hosting/fleet/test_fleet_machine.h"

namespace tidemill::services::sagemaker::hosting {

inline DeploymentRequest request(Fleet of, DeploymentPolicy policy = {}) {
  DeploymentRequest out;
  out.fleet = std::move(of);
  out.deployment.kind = "UpdateEndpoint";
  out.deployment.policy = std::move(policy);
  return out;
}

inline DeploymentPolicy policy(const char* type, std::int64_t size, std::int64_t wait_seconds) {
  DeploymentPolicy out;
  out.type = type;
  out.size = size;
  out.wait_seconds = wait_seconds;
  return out;
}

struct EndpointMachine : TestMachine<Endpoint, endpoint_transition> {
  bool update(Fleet to, DeploymentPolicy how = {}) {
    return apply(
        {endpoint_events::kUpdateRequested, to_value(request(std::move(to), std::move(how)))});
  }
  // The task Publish has run on the record as it is now. Keeps the tasks there were.
  bool published() {
    const Deployment deployment = record.deployment.value_or(Deployment{});
    const std::vector<engine::Task> before = tasks;
    if (!apply(engine::event_of(endpoint_events::Published{deployment.id, deployment.step})))
      return false;
    tasks.insert(tasks.begin(), before.begin(), before.end());
    return true;
  }
  // Like published(), when traffic is about to shift.
  bool publish_shift() {
    const bool waits =
        record.deployment && record.deployment->stage == deployment_stages::kPublishing;
    return !waits || published();
  }
  // The instances that StartInstances asked for are ready.
  bool come_up(const Fleet& of) {
    return apply({endpoint_events::kInstancesReady, to_value(ready(of, started()))});
  }
  // The fleet comes up and gets its traffic.
  bool ready_instances(const Fleet& of) { return come_up(of) && publish_shift(); }
  bool failed(const std::string& id, const std::string& reason) {
    return apply({endpoint_events::kInstancesFailed, to_value(InstancesRef{id, {}, 0, reason})});
  }
  bool timer() {
    const engine::Task* advance = task("Advance");
    return advance && apply({endpoint_events::kAdvance, Value(advance->payload)}) &&
           publish_shift();
  }
  std::vector<InstanceIndex> started() const {
    InstancesRef ref;
    if (const engine::Task* start = task("StartInstances"))
      EXPECT_TRUE(from_value(start->payload, ref));
    return ref.instances;
  }
  // The result that the history is told.
  std::string recorded() const {
    DeploymentRecord kept;
    const engine::Task* keep = task("Record");
    return keep && from_value(keep->payload, kept) ? kept.result : "";
  }
  double traffic() const { return record.deployment ? record.deployment->traffic : -1; }
};

inline EndpointMachine created(const Fleet& first) {
  EndpointMachine machine;
  engine::Step<Endpoint> step = begin_endpoint(Endpoint{}, request(first), kTestNow);
  machine.record = step.next;
  machine.tasks = step.tasks;
  return machine;
}

inline EndpointMachine in_service(const Fleet& first) {
  EndpointMachine machine = created(first);
  EXPECT_TRUE(machine.ready_instances(first));
  EXPECT_EQ(machine.record.status, "InService");
  return machine;
}

}  // namespace tidemill::services::sagemaker::hosting
