#include "services/sagemaker/hosting/fleet/instance_loads.h"

namespace tidemill::services::sagemaker::hosting {
namespace {

std::string key_of(const Fleet& fleet, const InstanceIndex& at) {
  std::string key = fleet.id + "/" + std::to_string(at.variant) + "/" + std::to_string(at.instance);
  const Variant& variant = fleet.variants.at(std::size_t(at.variant));
  for (const Server& server : variant.instances.at(std::size_t(at.instance)).servers)
    key += "/" + std::to_string(server.attempt);
  return key;
}

}  // namespace

std::shared_ptr<InstanceLoad> InstanceLoads::of(const Fleet& fleet, const InstanceIndex& at) {
  const std::string key = key_of(fleet, at);
  std::lock_guard lock(mutex_);
  if (auto found = loads_.find(key); found != loads_.end())
    if (auto load = found->second.lock()) return load;
  std::erase_if(loads_, [](const auto& each) { return each.second.expired(); });
  auto made = std::make_shared<InstanceLoad>();
  loads_.insert_or_assign(key, made);
  return made;
}

std::shared_ptr<InstanceLoad> InstanceLoads::find(const Fleet& fleet,
                                                  const InstanceIndex& at) const {
  std::lock_guard lock(mutex_);
  auto found = loads_.find(key_of(fleet, at));
  return found == loads_.end() ? nullptr : found->second.lock();
}

int InstanceLoads::under_way(const Fleet& fleet, const std::vector<InstanceIndex>& which) const {
  int all = 0;
  for (const InstanceIndex& at : which)
    if (auto load = find(fleet, at)) all += load->in_flight.load();
  return all;
}

void InstanceLoads::leave(const Fleet& fleet, const std::vector<InstanceIndex>& which,
                          sagemaker_runtime::Leaving why) {
  for (const InstanceIndex& at : which)
    if (auto load = find(fleet, at)) load->leaving = why;
}

}  // namespace tidemill::services::sagemaker::hosting
