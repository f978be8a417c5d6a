// One invocation on its way through the containers of a variant; internal to this folder.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "services/sagemaker_runtime/inference.h"
#include "services/sagemaker_runtime/routing_entry.h"

namespace tidemill::services::sagemaker_runtime {

// A place among the requests that a variant, and an instance of it, have under way; given back when
// this goes.
class Slot {
 public:
  Slot() = default;
  Slot(std::atomic<int>* total, std::atomic<int>* instance) : total_(total), instance_(instance) {}
  Slot(Slot&& other) noexcept
      : total_(std::exchange(other.total_, nullptr)),
        instance_(std::exchange(other.instance_, nullptr)) {}
  Slot& operator=(Slot&& other) noexcept {
    std::swap(total_, other.total_);
    std::swap(instance_, other.instance_);
    return *this;
  }
  // The same place among the variant's, on another instance of it.
  void move_to(std::atomic<int>& instance) {
    instance.fetch_add(1, std::memory_order_relaxed);
    if (instance_) instance_->fetch_sub(1, std::memory_order_relaxed);
    instance_ = &instance;
  }
  ~Slot() {
    if (total_) total_->fetch_sub(1, std::memory_order_relaxed);
    if (instance_) instance_->fetch_sub(1, std::memory_order_relaxed);
  }

 private:
  std::atomic<int>* total_ = nullptr;
  std::atomic<int>* instance_ = nullptr;
};

// Where a request goes. The entry keeps everything else alive.
struct Inference::Chosen {
  // Shared: with the routing table and other requests.
  std::shared_ptr<const RoutingTable::Entry> entry;
  const RoutingTable::Entry::Variant* variant = nullptr;
  int instance = -1;                // of a variant with processes
  std::size_t first = 0, last = 0;  // the containers it goes through
  bool shadow = false;
  bool captured = false;
  bool new_session = false;
  bool bound = false;            // to its instance, by a session
  std::vector<int> unreachable;  // the instances that were tried before this one
  Slot slot;

  const VariantRoute& route() const { return *variant->route; }
  const ContainerRoute& container(std::size_t index) const { return route().containers[index]; }
  std::string_view log_stream(std::size_t container) const {
    if (instance < 0 || route().instances.empty()) return {};
    return route().instances[std::size_t(instance)].servers[container].log_stream;
  }
  // Null for what no process answers.
  InstanceLoad* load() const {
    return instance < 0 ? nullptr : variant->instances[std::size_t(instance)].get();
  }
  // What the container's server answered, or why it did not. `from_queue`: as InvokeRequest's.
  InvokeResult answer(std::size_t container, const InferenceLimits& limits, bool from_queue,
                      Result<wire::ClientResponse> response) const;
  // When it is not reached, there is an instance that may be asked instead.
  bool may_fail_over() const {
    return instance >= 0 && !bound && unreachable.size() + 1 < route().instances.size();
  }
};

struct Inference::Invocation {
  Chosen chosen;
  InvokeRequest request;  // its body and types are those of the next container
  Done done;
  std::size_t container = 0;
  int loads = 0;              // of a multi-model container's server: how often it was tried
  bool load_broke = false;    // an instance died while it loaded the model
  std::string captured_body;  // what the client sent, when it is captured
  std::string captured_type;

  const ContainerRoute& route() const { return chosen.container(container); }
  bool is_last() const { return container == chosen.last; }
};

// Invocations that wait for a model to come into memory: one of them has it loaded, on a thread
// that blocks, and the others hold none. Thread-safe.
class Inference::Loads {
 public:
  enum class Joined : std::uint8_t { leads, waits, refused };
  // Takes the invocation unless too many wait. Who leads loads, and then takes all of them.
  Joined join(const LoadKey& key, Pointer& invocation);
  std::vector<Pointer> take(const LoadKey& key);
  std::vector<Pointer> take_all();

 private:
  std::mutex mutex_;
  std::map<LoadKey, std::vector<Pointer>> waiting_;  // guarded by mutex_
  std::size_t count_ = 0;                            // guarded by mutex_; of all keys
};

// The body is small and of a type that is read in microseconds: no thread of its own is needed.
// So does the model, which takes as long as it took when it was loaded.
bool predicts_inline(const InvokeRequest& request, const infer::Model& model);
// Decodes, predicts, encodes.
InvokeResult predict(const EndpointRoute& endpoint, const VariantRoute& variant,
                     const ContainerRoute& container, const infer::Model& model,
                     const InvokeRequest& request, const InferenceLimits& limits);
// Nothing of the request reached a model: it may be tried again.
bool never_reached(const Error& error);
// What a model server answered, or why it did not.
InvokeResult from_model(const EndpointRoute& endpoint, const VariantRoute& variant,
                        std::string_view log_stream, const InferenceLimits& limits,
                        Result<wire::ClientResponse> response);
// The request as a model server gets it. Takes the body out of it.
wire::ClientRequest to_model(InvokeRequest& request);

}  // namespace tidemill::services::sagemaker_runtime
