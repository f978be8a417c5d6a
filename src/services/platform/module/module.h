// One service as one object, which registers all parts of the service: tables, blobs, machines,
// handlers, interfaces for other services, sweeps, tags, deliveries. The server is a list of
// modules.
//
//   open, in the order of needs() -> start -> [engine and jobs run] -> serve -> [requests come]
//   request_stop -> [requests, engine and jobs have ended] -> stop, both in the reverse order
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace tidemill::store {
struct TableSpec;
}

namespace tidemill::services::platform {

class Platform;

class Module {
 public:
  virtual ~Module() = default;
  // The name of the service's folder, such as "sagemaker_runtime".
  virtual std::string_view name() const = 0;
  // Modules whose interfaces this one uses; they are opened before this one and outlive it.
  virtual std::vector<std::string_view> needs() const;

  // Tables and owners of blobs (blobs/owners.h) and volumes must be known before the store opens.
  virtual std::vector<store::TableSpec> tables() const;
  virtual std::vector<std::string_view> blob_owners() const;
  // The first parts of the names of its jobs' volumes (compute/volumes.h).
  virtual std::vector<std::string_view> volume_owners() const;

  // Makes the service's objects and registers all of them with the platform, which outlives the
  // module. Starts nothing: no threads, no tasks.
  virtual Result<void> open(Platform& platform) = 0;
  // Initializes the service, once every module is open and before the engine runs tasks.
  virtual Result<void> start();
  // Called when the engine and jobs run; requests are served when every module has returned.
  virtual Result<void> serve();
  // Ends waits, so that requests and the engine's tasks can end. Must not block for long.
  virtual void request_stop();
  // Called when requests, tasks and jobs' reports have ended, while event loops still run; also
  // called when the module was never started.
  virtual void stop();
};

}  // namespace tidemill::services::platform
