// The end of a fleet's instances.
#include <algorithm>
#include <thread>

#include "services/sagemaker/hosting/fleet/fleet_place.h"

namespace tidemill::services::sagemaker::hosting {

Result<void> FleetRunner::await_exit(const std::string& job) {
  while (!cancelled_) {
    compute::JobExit exit;
    if (TRY(exited(job, exit))) return {};
    std::this_thread::sleep_for(kPollPause);
  }
  return fail(codes::kCancelled, "the server stops");
}

std::chrono::seconds FleetRunner::drain_time_max(const Fleet& fleet) const {
  std::size_t containers = 1;  // that a request goes through, each with the time to itself
  for (const Variant& variant : fleet.variants)
    if (!variant.direct) containers = std::max(containers, variant.containers.size());
  const auto one = fleet.asynchronous ? std::max(kQueuedAnswerTimeMax, options_.answer_time_max)
                                      : options_.answer_time_max;
  return one * std::int64_t(containers);
}

Result<void> FleetRunner::end_server(const FleetOwner& owner, const ServerRef& ref) {
  Result<void> stopped =
      in_.compute.stop(server_job_id(owner, ref), std::chrono::seconds(ref.stop_grace_seconds));
  if (!stopped && stopped.error().code != codes::kNotFound) return stopped;
  return forget_server(owner, ref);
}

// Once it has ended.
Result<void> FleetRunner::forget_server(const FleetOwner& owner, const ServerRef& ref) {
  const std::string job = server_job_id(owner, ref);
  TRY(await_exit(job));
  TRY(in_.compute.remove(job));
  TRY(in_.iam.revoke_role(job));
  remove_files(ref);
  return {};
}

Result<void> FleetRunner::stop_instances(const FleetOwner& owner, const Fleet& fleet,
                                         const std::vector<InstanceIndex>& which) {
  std::unique_lock lock(mutex_);
  for (const InstanceIndex& at : which) ++stops_[instance_key(fleet.id, at)];
  started_.wait(lock, [&] {
    return std::ranges::none_of(which, [&](const InstanceIndex& at) {
      return starts_.contains(instance_key(fleet.id, at));
    });
  });
  lock.unlock();
  Result<void> stopped = stop_servers(owner, fleet, which);
  lock.lock();
  for (const InstanceIndex& at : which)
    if (--stops_[instance_key(fleet.id, at)] == 0) stops_.erase(instance_key(fleet.id, at));
  return stopped;
}

Result<void> FleetRunner::stop_servers(const FleetOwner& owner, const Fleet& fleet,
                                       const std::vector<InstanceIndex>& which) {
  std::vector<ServerRef> refs;
  for (const InstanceIndex& at : which) {
    const Variant& variant = fleet.variants.at(std::size_t(at.variant));
    const auto& servers = variant.instances.at(std::size_t(at.instance)).servers;
    for (std::size_t i = 0; i < servers.size(); ++i) {
      if (variant.containers.at(i).native()) continue;
      // The record knows the newest attempt; an older one may be ending still.
      for (std::int64_t attempt = std::max<std::int64_t>(0, servers[i].attempt - 1);
           attempt <= servers[i].attempt; ++attempt)
        refs.push_back({fleet.id, at.variant, at.instance, std::int64_t(i), attempt, 0, {}});
    }
  }
  loads_.leave(fleet, which, sagemaker_runtime::Leaving::stopped);
  for (const ServerRef& ref : refs) {
    Result<void> stopped =
        in_.compute.stop(server_job_id(owner, ref), std::chrono::seconds(kHostingStopGraceSeconds));
    if (!stopped && stopped.error().code != codes::kNotFound) return stopped;
  }
  for (const ServerRef& ref : refs) TRY(forget_server(owner, ref));
  return {};
}

Result<void> FleetRunner::stop(const FleetOwner& owner, const Fleet& fleet) {
  TRY(stop_instances(owner, fleet, all_instances(fleet)));
  compute::Volumes& volumes = in_.compute.volumes();
  const std::string folder = volumes.folder(fleet_volumes(fleet.id));
  {
    std::lock_guard lock(mutex_);
    const auto below = [&](const auto& each) { return each.first.starts_with(folder + "/"); };
    std::erase_if(models_, below);
    std::erase_if(sources_, below);
  }
  return volumes.remove(fleet_volumes(fleet.id));
}

}  // namespace tidemill::services::sagemaker::hosting
