// The requests under way on the instances of all fleets.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "services/sagemaker/hosting/fleet/fleet.h"
#include "services/sagemaker_runtime/interface.h"

namespace tidemill::services::sagemaker::hosting {

using sagemaker_runtime::InstanceLoad;

// Thread-safe.
class InstanceLoads {
 public:
  // That of the instance's servers as they are: another attempt of one of them is another load.
  // Shared: with the routes that have the instance, and the requests under way on them.
  std::shared_ptr<InstanceLoad> of(const Fleet& fleet, const InstanceIndex& at);
  // Requests under way on all of these.
  int under_way(const Fleet& fleet, const std::vector<InstanceIndex>& which) const;
  // Requests that are cut from now on were cut by us.
  void leave(const Fleet& fleet, const std::vector<InstanceIndex>& which,
             sagemaker_runtime::Leaving why);

 private:
  std::shared_ptr<InstanceLoad> find(const Fleet& fleet, const InstanceIndex& at) const;

  mutable std::mutex mutex_;
  // Guarded by mutex_. What no route and no request holds any more has nothing under way.
  std::map<std::string, std::weak_ptr<InstanceLoad>> loads_;
};

}  // namespace tidemill::services::sagemaker::hosting
