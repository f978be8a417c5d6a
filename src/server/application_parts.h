// The parts of the server, in the order of their construction; internal to server/.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "base/age_clock.h"
#include "base/file_identity.h"
#include "blobs/owners.h"
#include "compute/job_listeners.h"
#include "compute/process/process_compute.h"
#include "engine/engine.h"
#include "engine/outbox.h"
#include "runtime/event_loops.h"
#include "runtime/worker_pool.h"
#include "server/application.h"
#include "server/bucket_pages.h"
#include "server/credentials_door.h"
#include "server/descriptors.h"
#include "server/job_doors.h"
#include "server/late_parts.h"
#include "server/metrics.h"
#include "server/request_chain.h"
#include "server/transparent/connect_path.h"
#include "services/platform/delivery/delivery.h"
#include "services/platform/dispatcher/dispatcher.h"
#include "services/platform/handlers/handlers.h"
#include "services/platform/held/held_answers.h"
#include "services/platform/module/modules.h"
#include "services/platform/module/platform.h"
#include "services/platform/schedule/schedules.h"
#include "services/platform/sweeps/sweeps.h"
#include "store/store.h"
#include "wire/server/http_server.h"

namespace tidemill::server {

// Parts are destroyed in the reverse order.
struct Application::Parts {
  explicit Parts(const Settings& from) : settings(from) {}
  ~Parts();

  Result<void> order_modules();
  // Every table of the platform and of every service; the store is opened with all of them.
  std::vector<store::TableSpec> all_tables() const;
  Result<void> make_data_folder();
  // Runs in parallel with the rest of the start; open_transparent_mode() and run() wait for it.
  void begin_transparent_mode();
  Result<void> open_store();
  Result<void> open_state();
  Result<void> watch_folders();
  // The reason why nothing can be stored any more; "" while storing works.
  std::string trouble() const;
  // Binds the address that services and jobs are told; nobody is answered yet.
  Result<void> take_address();
  Result<void> open_credentials_door();
  // Sets up what modules are built on, and opens them.
  Result<void> open_modules();
  void add_platform();
  void add_sweeps();
  Result<void> open_transparent_mode();
  // The wire's half of requests: signatures, routing, the chain.
  Result<void> open_requests();
  Result<void> run();
  Result<void> announce();
  // Registers what parts below the services count: connections, threads, blobs, events.
  void add_metrics();

  Settings settings;
  std::filesystem::path data;
  std::vector<FileIdentity> folders;  // set by watch_folders()
  SystemClock clock;
  std::unique_ptr<Clock> durations;  // for timers' due times; outlives the engine
  std::unique_ptr<AgeClock> ages;    // for deletion by age
  std::unique_ptr<Random> random = make_system_random();
  std::unique_ptr<store::Store> store;
  std::unique_ptr<blobs::BlobOwners> blobs;
  std::unique_ptr<engine::Outbox> outbox;
  std::unique_ptr<engine::Engine> engine;
  std::unique_ptr<compute::ProcessDriver> compute;

  services::platform::MetricRegistry metrics;
  Metrics requests{metrics};
  std::unique_ptr<runtime::EventLoops> loops;
  std::unique_ptr<runtime::WorkerPool> workers;
  std::unique_ptr<runtime::WorkerPool> credential_workers;
  std::unique_ptr<runtime::WorkerPool> stream_pool;
  services::Registry registry;
  std::unique_ptr<services::platform::HeldAnswers> held;
  std::unique_ptr<services::platform::DeliveryDriver> http_deliveries;
  std::unique_ptr<services::platform::Deliveries> deliveries;
  std::unique_ptr<services::platform::Schedules> schedules;
  std::unique_ptr<services::platform::Sweeps> sweeps;
  LateAuthorizer authorizer;
  std::unique_ptr<services::platform::Dispatcher> dispatcher;
  std::unique_ptr<services::platform::Platform> platform;
  compute::JobListeners job_listeners;
  std::optional<services::platform::Modules> modules;

  std::unique_ptr<wire::Router> router;
  std::unique_ptr<wire::sigv4::Authenticator> authenticator;
  ConnectionShares shares;  // set by take_address()
  std::unique_ptr<wire::LocalAuthority> authority;
  std::unique_ptr<wire::Tunnels> tunnels;
  std::unique_ptr<ConnectPath> connect_path;
  Entrance entrance;
  std::unique_ptr<BucketPages> bucket_pages;  // nullptr with any credentials
  std::unique_ptr<RequestChain> chain;
  std::unique_ptr<wire::HttpServer> http;
  std::unique_ptr<wire::HttpServer> job_http;   // for the doors in jobs' networks
  std::unique_ptr<wire::NameServer> job_names;  // in the same networks
  std::unique_ptr<HttpJobDoors> job_doors;
  std::unique_ptr<CredentialsDoor> credentials_door;  // nullptr: the endpoint itself is used
  services::platform::ServerAddresses addresses;
  bool announced = false;
  // Tasks of begin_transparent_mode(), which sets `authority`. Last, so that they end first.
  std::future<Result<void>> authority_loaded, trust_files_written;
};

}  // namespace tidemill::server
