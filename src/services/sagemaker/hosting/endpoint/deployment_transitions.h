// The part of an endpoint's transitions that moves traffic from one fleet to the next; internal to
// endpoint/. Pure as all of them.
#pragma once

#include "services/sagemaker/hosting/endpoint/transitions.h"

namespace tidemill::services::sagemaker::hosting {

using EndpointStep = engine::Step<Endpoint>;
using EndpointOutcome = Result<std::optional<EndpointStep>>;

inline EndpointOutcome stale() { return std::optional<EndpointStep>(); }

// Begins the deployment of a fleet beside the active one, if there is one.
EndpointStep begin_deployment(Endpoint next, DeploymentRequest request, Timestamp now);
// Instances of the pending fleet are ready: the routes are to give it the traffic that the next
// step of its policy says.
EndpointStep pending_ready(Endpoint next, const Fleet& fleet, Timestamp now);
// The routes have it. Only now does a Describe tell so: whoever reads InService gets an answer.
EndpointStep traffic_shifted(Endpoint next, Timestamp now);
// The time between two steps is over.
EndpointOutcome advance(Endpoint next, const InstancesRef& ref, Timestamp now);
// The pending fleet has failed: the active one goes on as before; without one the endpoint failed.
EndpointStep roll_back(Endpoint next, std::string reason, Timestamp now);
// Notes a step of the deployment under way.
void note(Endpoint& next, std::string what, Timestamp now);
// The entry for the history; `result` as in DeploymentRecord. With an end also in the record.
engine::Task record_task(Endpoint& next, std::string result, std::string reason,
                         std::optional<Timestamp> ended);
// A rolling update has stopped this instance of the active fleet to make room.
bool is_retired(const Endpoint& endpoint, const ServerRef& ref);

}  // namespace tidemill::services::sagemaker::hosting
