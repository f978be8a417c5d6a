// Which endpoints can be invoked, and where their models are: fed by services/sagemaker/endpoint,
// read by every invocation without a lock.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "infer/codec/codec.h"
#include "infer/model.h"

namespace tidemill::services::sagemaker_runtime {

// A model server's process on this machine.
struct InstanceRoute {
  std::uint16_t port = 0;  // of the loopback interface
  std::string log_stream;  // "AllTraffic/i-0"
};

struct VariantRoute {
  std::string name;
  double weight = 1;
  // Predicts in this process; null when `instances` answer. Shared: with the snapshots that
  // requests under way still hold.
  std::shared_ptr<const infer::Model> native;
  infer::ResponseOptions response;
  std::vector<InstanceRoute> instances;
};

struct EndpointRoute {
  std::string account, region, name;
  std::vector<VariantRoute> variants;
};

// Thread-safe.
class RoutingTable {
 public:
  RoutingTable();
  ~RoutingTable();

  // Replaces the endpoint's route; requests under way finish on the old one.
  void put(EndpointRoute route);
  void remove(std::string_view account, std::string_view region, std::string_view endpoint);

  // A route with what balancing needs beside it.
  struct Entry;
  // nullptr when no such endpoint is in service. Shared: see VariantRoute::native.
  std::shared_ptr<const Entry> find(std::string_view account, std::string_view region,
                                    std::string_view endpoint) const;
  static const EndpointRoute& route(const Entry& entry);

 private:
  friend class Inference;
  using Map = std::map<std::string, std::shared_ptr<const Entry>, std::less<>>;
  void replace(const std::string& key, std::shared_ptr<const Entry> entry);

  std::mutex writers_;
  // Shared: the snapshot lives until its last reader is done.
  std::atomic<std::shared_ptr<const Map>> map_;
};

}  // namespace tidemill::services::sagemaker_runtime
