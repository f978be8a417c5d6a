#include "services/sagemaker/hosting/inference_component/copies.h"

#include <algorithm>

namespace tidemill::services::sagemaker::hosting {

std::vector<InstanceIndex> from_first_starting(const Fleet& fleet) {
  const std::vector<Instance>& copies = fleet.variants.front().instances;
  const auto first = std::ranges::find_if(copies, [](const Instance& copy) {
    return std::ranges::any_of(copy.servers, &Server::starting);
  });
  std::vector<InstanceIndex> out;
  for (auto copy = first; copy != copies.end(); ++copy) out.push_back({0, copy - copies.begin()});
  return out;
}

void resize(InferenceComponent& next, std::int64_t count) {
  const std::int64_t had = count_of(*next.active);
  std::vector<Instance>& copies = copies_of(*next.active);
  for (std::int64_t i = count; i < had; ++i)
    for (const Server& server : copies[std::size_t(i)].servers)
      next.attempt_first = std::max(next.attempt_first, server.attempt + 1);
  next.active->variants.front().resize(count);
  for (std::int64_t i = had; i < count; ++i)
    for (Server& server : copies[std::size_t(i)].servers) server.attempt = next.attempt_first;
}

std::vector<engine::Task> restart_again(const InferenceComponent& next) {
  std::vector<engine::Task> work;
  if (!next.active) return work;
  const std::int64_t first = next.rollout ? next.rollout->retired : 0;
  for (const ServerRef& ref : servers_down(*next.active))
    if (ref.instance >= first)
      work.push_back({component_tasks::kRestartServer, to_value(ref), kAgain});
  return work;
}

}  // namespace tidemill::services::sagemaker::hosting
