// Loading of models on demand, and the invocations that wait for it.
#include "services/sagemaker_runtime/invocation.h"
#include "services/sagemaker_runtime/model_error.h"

namespace tidemill::services::sagemaker_runtime {

Inference::Loads::Joined Inference::Loads::join(const LoadKey& key, Pointer& invocation) {
  std::lock_guard lock(mutex_);
  if (count_ >= kLoadWaitersMax) return Joined::refused;
  auto [place, leads] = waiting_.try_emplace(key);
  place->second.push_back(std::move(invocation));
  ++count_;
  return leads ? Joined::leads : Joined::waits;
}

std::vector<Inference::Pointer> Inference::Loads::take(const LoadKey& key) {
  std::lock_guard lock(mutex_);
  auto found = waiting_.find(key);
  if (found == waiting_.end()) return {};
  std::vector<Pointer> taken = std::move(found->second);
  waiting_.erase(found);
  count_ -= taken.size();
  return taken;
}

std::vector<Inference::Pointer> Inference::Loads::take_all() {
  std::lock_guard lock(mutex_);
  std::vector<Pointer> taken;
  for (auto& [key, waiting] : waiting_)
    for (Pointer& each : waiting) taken.push_back(std::move(each));
  waiting_.clear();
  count_ = 0;
  return taken;
}

void Inference::wait_for_load(LoadKey key, Pointer invocation,
                              std::move_only_function<void(const LoadKey&)> load) {
  const auto joined = waiting_for_load_->join(key, invocation);
  if (joined == Loads::Joined::refused) return next(std::move(invocation), fail(model_not_ready()));
  if (joined == Loads::Joined::waits) return;
  if (loads_.try_submit([key, load = std::move(load)]() mutable { load(key); })) return;
  for (Pointer& each : waiting_for_load_->take(key)) next(std::move(each), fail(model_not_ready()));
}

// Runs an invocation whose model is loaded on demand.
void Inference::run_on_demand(Pointer invocation) {
  const ContainerRoute& route = invocation->route();
  std::string target = route.multi_model ? invocation->request.target_model : std::string();
  if (auto model = route.models->find(target))
    return run_native(std::move(invocation), std::move(model));
  // Held until the load ends, no matter which invocations still wait then.
  std::shared_ptr<ModelSource> models = route.models;
  wait_for_load({models.get(), std::move(target), ""}, std::move(invocation),
                [this, models](const LoadKey& key) {
                  const auto loaded = models->load(key.target);
                  for (Pointer& each : waiting_for_load_->take(key))
                    loaded_on_demand(std::move(each), loaded);
                });
}

void Inference::loaded_on_demand(Pointer invocation,
                                 const Result<std::shared_ptr<const infer::Model>>& loaded) {
  if (loaded) return run_native(std::move(invocation), *loaded);
  Error error = loaded.error();
  const Chosen& chosen = invocation->chosen;
  if (error.code == "ModelError")
    error = model_error(chosen.entry->endpoint, chosen.route(), chosen.log_stream(0),
                        error.http_status, error.message);
  next(std::move(invocation), fail(std::move(error)));
}

}  // namespace tidemill::services::sagemaker_runtime
