// Builds the platform of the services and opens the services, which are modules.
#include "api/all_services.h"
#include "base/log.h"
#include "server/all_modules.h"
#include "server/application_parts.h"
#include "services/iam/interface.h"
#include "services/platform/delivery/http_driver.h"
#include "store/identity.h"

namespace tidemill::server {
namespace {

namespace filesystem = std::filesystem;
namespace platform_service = services::platform;

// Deliveries check their role's right in a session of this name.
constexpr const char* kDeliverySession = "Tidemill";
constexpr std::chrono::hours kQuarantineInterval{1};
constexpr std::chrono::seconds kFolderWatchInterval{5};

}  // namespace

Result<void> Application::Parts::order_modules() {
  modules.emplace(TRY(services::platform::Modules::in_order(all_modules())));
  return {};
}

std::vector<store::TableSpec> Application::Parts::all_tables() const {
  std::vector<store::TableSpec> all = engine::engine_tables();
  all.push_back(store::identity_table().spec());
  auto add = [&all](std::vector<store::TableSpec> more) {
    all.insert(all.end(), std::make_move_iterator(more.begin()),
               std::make_move_iterator(more.end()));
  };
  add(modules->tables());
  add(services::platform::Deliveries::tables());
  add(services::platform::Schedules::tables());
  return all;
}

void Application::Parts::add_platform() {
  held = std::make_unique<platform_service::HeldAnswers>();
  engine->on_change([this](const std::string& record) { held->changed(record); });
  http_deliveries = platform_service::make_http_driver();
  deliveries = std::make_unique<platform_service::Deliveries>(
      *store, *engine, *random, *durations,
      platform_service::DeliveryPorts{
          [this](const std::string& role, const std::string& action, const std::string& target) {
            return platform->use<services::iam::IamInterface>().authorize_role(
                role, kDeliverySession, action, target);
          }});
  for (const char* scheme : {"http", "https"}) deliveries->add(scheme, "", *http_deliveries);
  deliveries->add_to(*engine);
  schedules = std::make_unique<platform_service::Schedules>(*store, clock, *random);
  sweeps = std::make_unique<platform_service::Sweeps>();
  add_sweeps();
  dispatcher = std::make_unique<platform_service::Dispatcher>(platform_service::DispatcherParts{
      registry, authorizer, api::all_services(), *loops, clock, *random,
      [this](const platform_service::Call& call, const Error* error,
             std::chrono::nanoseconds duration) {
        requests.record_inside(call.service.name, call.operation.name, !error, duration);
      }});
}

void Application::Parts::add_sweeps() {
  sweeps->add("blobs-quarantine", kQuarantineInterval, [this]() -> Result<void> {
    ages->look();
    blobs->delete_expired(ages->now());
    return {};
  });
  sweeps->add("folder-watch", kFolderWatchInterval,
              [this, last = std::string()]() mutable -> Result<void> {
                std::string now = trouble();
                if (now == last) return {};
                if (now.empty())
                  log::info("the data folder is back");
                else
                  log::error("the data folder is gone", {{"reason", now}, {"path", data.string()}});
                last = std::move(now);
                return {};
              });
}

Result<void> Application::Parts::open_modules() {
  add_platform();
  add_metrics();
  platform = std::make_unique<platform_service::Platform>(
      platform_service::PlatformParts{.settings = settings,
                                      .data = data,
                                      .addresses = addresses,
                                      .clock = clock,
                                      .durations = *durations,
                                      .ages = *ages,
                                      .random = *random,
                                      .store = *store,
                                      .blobs = *blobs,
                                      .compute = *compute,
                                      .loops = *loops,
                                      .engine = *engine,
                                      .outbox = *outbox,
                                      .handlers = registry,
                                      .metrics = metrics,
                                      .jobs = job_listeners,
                                      .schedules = *schedules,
                                      .deliveries = *deliveries,
                                      .sweeps = *sweeps,
                                      .held = *held,
                                      .dispatcher = *dispatcher});
  TRY(modules->open(*platform));
  authorizer.ask(platform->use<platform_service::Authorizer>());
  dispatcher->audit_with(platform->use<platform_service::Auditor>());
  return {};
}

}  // namespace tidemill::server
