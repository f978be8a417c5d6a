// One invocation and its way through a variant's containers; internal to this folder.
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

// Counts one request in progress for a variant and one of its instances; the destructor gives the
// place back.
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
  // Keeps the variant's place but moves to another of its instances.
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

// The destination of a request. Holding `entry` keeps everything else alive.
struct Inference::Chosen {
  // Shared with the routing table and other requests.
  std::shared_ptr<const RoutingTable::Entry> entry;
  const RoutingTable::Entry::Variant* variant = nullptr;
  int instance = -1;                // for variants with processes, else -1
  std::size_t first = 0, last = 0;  // the range of containers
  bool shadow = false;
  bool captured = false;
  bool new_session = false;
  bool bound = false;            // a session binds it to its instance
  std::vector<int> unreachable;  // instances tried before this one
  Slot slot;

  const VariantRoute& route() const { return *variant->route; }
  const ContainerRoute& container(std::size_t index) const { return route().containers[index]; }
  std::string_view log_stream(std::size_t container) const {
    if (instance < 0 || route().instances.empty()) return {};
    return route().instances[std::size_t(instance)].servers[container].log_stream;
  }
  // nullptr when no process is involved.
  InstanceLoad* load() const {
    return instance < 0 ? nullptr : variant->instances[std::size_t(instance)].get();
  }
  // Turns a container's response or failure into a result. `from_queue`: as in InvokeRequest.
  InvokeResult answer(std::size_t container, const InferenceLimits& limits, bool from_queue,
                      Result<wire::ClientResponse> response) const;
  // Whether another instance may be tried when this one cannot be reached.
  bool may_fail_over() const {
    return instance >= 0 && !bound && unreachable.size() + 1 < route().instances.size();
  }
};

struct Inference::Invocation {
  Chosen chosen;
  InvokeRequest request;  // body and types are those for the next container
  Done done;
  std::size_t container = 0;
  int loads = 0;              // how often a multi-model server was asked to load
  bool load_broke = false;    // an instance died while it loaded the model
  std::string captured_body;  // the client's body, when it is captured
  std::string captured_type;

  const ContainerRoute& route() const { return chosen.container(container); }
  bool is_last() const { return container == chosen.last; }
};

// Invocations that wait for a model to be loaded. One of them loads it on a thread that may block;
// the others hold no thread. Thread-safe.
class Inference::Loads {
 public:
  enum class Joined : std::uint8_t { leads, waits, refused };
  // Takes the invocation unless too many wait. The first to join loads and then takes them all.
  Joined join(const LoadKey& key, Pointer& invocation);
  std::vector<Pointer> take(const LoadKey& key);
  std::vector<Pointer> take_all();

 private:
  std::mutex mutex_;
  std::map<LoadKey, std::vector<Pointer>> waiting_;  // guarded by mutex_
  std::size_t count_ = 0;                            // guarded by mutex_; over all keys
};

// Whether to predict on the event loop: the body is small and quick to parse, and the model is
// quick according to the time measured when it was loaded.
bool predicts_inline(const InvokeRequest& request, const infer::Model& model);
// Decodes the body, predicts, and encodes the result.
InvokeResult predict(const EndpointRoute& endpoint, const VariantRoute& variant,
                     const ContainerRoute& container, const infer::Model& model,
                     const InvokeRequest& request, const InferenceLimits& limits);
// Whether no model received any of the request, so that it may be tried again.
bool never_reached(const Error& error);
// Turns a model server's response or failure into a result.
InvokeResult from_model(const EndpointRoute& endpoint, const VariantRoute& variant,
                        std::string_view log_stream, const InferenceLimits& limits,
                        Result<wire::ClientResponse> response);
// The request to a model server. Moves the body out of `request`.
wire::ClientRequest to_model(InvokeRequest& request);

}  // namespace tidemill::services::sagemaker_runtime
