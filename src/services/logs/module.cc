#include "services/logs/module.h"

#include "services/logs/logs_service.h"
#include "services/logs/tag_source.h"
#include "services/platform/module/platform.h"
#include "services/platform/sweeps/sweeps.h"

namespace tidemill::services::logs {
namespace {

class LogsModule final : public platform::Module {
 public:
  std::string_view name() const override { return "logs"; }
  std::vector<store::TableSpec> tables() const override { return LogsService::tables(); }

  Result<void> open(platform::Platform& platform) override {
    service_ = std::make_unique<LogsService>(platform.store, platform.clock, platform.random);
    platform.provide<LogsInterface>(*service_);
    service_->add_to(platform.handlers);
    platform.add_tag_source("logs", tag_source(platform.store));
    platform.sweeps.add("logs-sweep",
                        std::chrono::seconds(platform.settings.number("log-sweep-seconds")),
                        [this, &ages = platform.ages]() -> Result<void> {
                          TRY(service_->sweep(ages.wall_for_deletions()));
                          return {};
                        });
    return {};
  }

 private:
  std::unique_ptr<LogsService> service_;
};

}  // namespace

std::unique_ptr<platform::Module> make_module() { return std::make_unique<LogsModule>(); }

}  // namespace tidemill::services::logs
