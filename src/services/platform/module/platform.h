// The base of modules, where they also register their parts.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <typeindex>
#include <vector>

#include "base/age_clock.h"
#include "base/clock.h"
#include "base/random.h"
#include "services/platform/module/setting_values.h"
#include "services/platform/module/tag_sources.h"

namespace tidemill::blobs {
class BlobOwners;
}
namespace tidemill::compute {
class Compute;
class JobListeners;
}  // namespace tidemill::compute
namespace tidemill::engine {
class Engine;
class Outbox;
}  // namespace tidemill::engine
namespace tidemill::runtime {
class EventLoops;
}
namespace tidemill::store {
class Store;
}
namespace tidemill::services {
class Registry;
}

namespace tidemill::services::platform {

class Deliveries;
class Dispatcher;
class HeldAnswers;
class MetricRegistry;
class Module;
class Schedules;
class Sweeps;

// The addresses at which clients and jobs reach the server.
struct ServerAddresses {
  std::string endpoint;    // "http://127.0.0.1:4566"
  std::uint16_t port = 0;  // of the server, and of its door in jobs' networks
  // Where jobs in the host's network fetch credentials when SDKs do not accept the endpoint for
  // that; empty: they use the endpoint.
  std::string credentials_url;
};

// All parts are borrowed and outlive the modules.
struct PlatformParts {
  const SettingValues& settings;
  std::filesystem::path data;  // the data folder, absolute
  ServerAddresses addresses;
  Clock& clock;            // the wall clock
  const Clock& durations;  // measures durations: steps of the wall clock do not affect it
  AgeClock& ages;          // for deletion by age
  Random& random;
  store::Store& store;
  blobs::BlobOwners& blobs;  // every owner that a module names is open
  compute::Compute& compute;
  runtime::EventLoops& loops;
  // Modules register their parts in these:
  engine::Engine& engine;       // machines
  engine::Outbox& outbox;       // readers and projections
  Registry& handlers;           // operations
  MetricRegistry& metrics;      // what they count
  compute::JobListeners& jobs;  // who is told about which jobs
  Schedules& schedules;         // kinds of schedules
  Deliveries& deliveries;       // drivers for kinds of targets
  Sweeps& sweeps;               // periodic work
  HeldAnswers& held;            // for answers that come later; nothing is registered here
  Dispatcher& dispatcher;       // calls operations as a principal; usable once every module is open
};

// Used by one thread until every module is open; afterwards use() and the tag sources are constant
// and may be read by all threads.
class Platform : public PlatformParts {
 public:
  explicit Platform(PlatformParts parts) : PlatformParts(std::move(parts)) {}

  // Offers an interface to modules that need this one, and to the server. The object lives as long
  // as its module. Aborts when two modules offer the same interface.
  template <class Interface>
  void provide(Interface& object) {
    provide_erased(typeid(Interface), &object);
  }
  // The interface that a module offers. While modules open, aborts unless the opening module names
  // the offering one in needs(), so that every need is declared.
  template <class Interface>
  Interface& use() const {
    return *static_cast<Interface*>(use_erased(typeid(Interface)));
  }

  // Aborts when the service already has a source.
  void add_tag_source(std::string service, TagSource source);
  // Complete once every module is open.
  const TagSources& tag_sources() const { return tag_sources_; }

  // For Modules: tells which module is being opened, and when the last one has been opened.
  void begin_module(const Module& module) { opening_ = &module; }
  void end_modules() { opening_ = nullptr; }

 private:
  struct Provided {
    void* object = nullptr;
    std::string module;  // "" for the server itself
  };
  void provide_erased(std::type_index type, void* object);
  void* use_erased(std::type_index type) const;

  std::map<std::type_index, Provided> interfaces_;
  TagSources tag_sources_;
  const Module* opening_ = nullptr;
};

}  // namespace tidemill::services::platform
