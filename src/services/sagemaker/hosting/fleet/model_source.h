// Native models that come into memory when they are asked for and leave it when memory is short or
// nobody asks: multi-model containers and serverless variants.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "services/sagemaker/common/dependencies.h"
#include "services/sagemaker_runtime/interface.h"

namespace tidemill::services::sagemaker::hosting {

struct ModelSourceOptions {
  std::string account, region, role_arn;
  Timestamp role_since;  // as RoleUse::since
  std::string
      prefix;  // s3://bucket/models/: targets are keys below it; "" one model, already there
  std::string folder;  // targets are unpacked below it; with an empty prefix, the model's folder
  std::string volume;  // that the folder is the server's copy of
  // The folder, as a container's process sees it.
  std::string folder_in_container;
  std::uint64_t memory_bytes_max = 1ull << 30;  // of the models held; the oldest unused leave first
  std::chrono::seconds idle{0};                 // unused models leave after it; 0: never
  std::string program_self;                     // loads models apart first (model_check.h)
  infer::LoadOptions load;
};

class LoadedModels final : public sagemaker_runtime::ModelSource {
 public:
  LoadedModels(const Dependencies& dependencies, ModelSourceOptions options);
  std::shared_ptr<const infer::Model> find(std::string_view target) override;
  Result<std::shared_ptr<const infer::Model>> load(const std::string& target) override;
  Result<std::string> fetch(const std::string& target) override;
  // Lets go what was idle too long.
  void sweep();
  // Ends fetches under way and to come: the server stops.
  void cancel() { cancelled_ = true; }

 private:
  using Clock = std::chrono::steady_clock;
  struct Held {
    std::shared_ptr<const infer::Model> model;  // shared: with requests under way
    std::uint64_t bytes = 0;
    Clock::time_point used;
  };
  std::string folder_of(const std::string& target) const;
  void evict(std::uint64_t wanted_bytes);  // with mutex_ held

  Dependencies in_;
  const ModelSourceOptions options_;
  std::atomic<bool> cancelled_ = false;
  std::mutex mutex_;
  std::condition_variable loaded_;
  std::map<std::string, Held, std::less<>> held_;  // guarded by mutex_
  std::set<std::string> loading_;                  // guarded by mutex_; one thread loads a target
  std::uint64_t bytes_ = 0;                        // guarded by mutex_
};

}  // namespace tidemill::services::sagemaker::hosting
