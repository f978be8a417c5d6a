// One service as one object, which registers everything that the service brings: tables, blobs,
// machines, handlers, interfaces for other services, sweeps, tags, deliveries. The server is a list
// of these.
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
  // The service's folder: "sagemaker_runtime".
  virtual std::string_view name() const = 0;
  // Modules whose interfaces this one uses; they are opened before it and outlive it.
  virtual std::vector<std::string_view> needs() const;

  // Tables and owners of blobs (blobs/owners.h) must be known before the store opens.
  virtual std::vector<store::TableSpec> tables() const;
  virtual std::vector<std::string_view> blob_owners() const;

  // Makes the service's objects and registers everything of them with the platform, which outlives
  // the module. Starts nothing: no threads, no tasks.
  virtual Result<void> open(Platform& platform) = 0;
  // Brings the service's state up, once every module is open and before the engine runs tasks.
  virtual Result<void> start();
  // The engine and jobs run; requests come when every module has returned.
  virtual Result<void> serve();
  // Ends waits, so that requests and the engine's tasks can end. Must not block for long.
  virtual void request_stop();
  // Requests, tasks and jobs' reports have ended; event loops still run. Called even when the
  // module was never started.
  virtual void stop();
};

}  // namespace tidemill::services::platform
