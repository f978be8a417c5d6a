// All modules of the server, in the order of their needs.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "services/platform/module/module.h"
#include "store/store.h"

namespace tidemill::services::platform {

// Not thread-safe: one thread opens, starts and stops modules.
class Modules {
 public:
  // Tidemill.Invalid, with the names, when no module meets a need, when modules need each other in
  // a cycle, or when two modules have the same name.
  static Result<Modules> in_order(std::vector<std::unique_ptr<Module>> modules);
  Modules(Modules&&) = default;
  Modules& operator=(Modules&&) = delete;
  // Stops them, and destroys them in the reverse order.
  ~Modules();

  std::vector<store::TableSpec> tables() const;
  std::vector<std::string_view> blob_owners() const;
  std::vector<std::string> volume_owners() const;
  std::vector<std::string> names() const;

  // Each of these returns the first error, with the module's name in front of its message.
  Result<void> open(Platform& platform);
  Result<void> start();
  Result<void> serve();
  // Called only for modules that were opened, the last one first. Idempotent.
  void request_stop();
  void stop();

 private:
  explicit Modules(std::vector<std::unique_ptr<Module>> ordered) : modules_(std::move(ordered)) {}

  std::vector<std::unique_ptr<Module>> modules_;
  std::size_t opened_ = 0;
  bool stop_requested_ = false, stopped_ = false;
};

}  // namespace tidemill::services::platform
