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
#include "compute/compute.h"
#include "engine/engine.h"
#include "engine/outbox.h"
#include "runtime/event_loops.h"
#include "runtime/task_scope.h"
#include "runtime/worker_pool.h"
#include "server/application.h"
#include "server/credentials_door.h"
#include "server/descriptors.h"
#include "server/job_doors.h"
#include "server/late_parts.h"
#include "server/metrics.h"
#include "server/request_chain.h"
#include "server/transparent/connect_path.h"
#include "services/iam/interface.h"
#include "services/platform/delivery/delivery.h"
#include "services/platform/dispatcher/dispatcher.h"
#include "services/platform/held/held_answers.h"
#include "services/platform/module/modules.h"
#include "services/platform/module/platform.h"
#include "services/platform/schedule/schedules.h"
#include "services/platform/sweeps/sweeps.h"
#include "services/sagemaker/hosting/async_inference/async_inference.h"
#include "services/sagemaker/hosting/endpoint/endpoint_service.h"
#include "services/sagemaker/hosting/fleet/fleet_runner.h"
#include "services/sagemaker/hosting/fleet/health_monitor.h"
#include "services/sagemaker/hosting/inference_component/inference_components.h"
#include "services/sagemaker/jobs/training_job/job_counts.h"
#include "services/sagemaker/jobs/transform_job/fleet_models.h"
#include "services/sagemaker/jobs/transform_job/transform_jobs.h"
#include "services/sagemaker/sagemaker_service.h"
#include "services/sagemaker_runtime/capture/recorder.h"
#include "services/sagemaker_runtime/inference.h"
#include "services/service.h"
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
  void make_recorder();
  Result<services::sagemaker::Programs> programs();
  // S3 for work done under a role, through the dispatcher.
  services::sagemaker::S3As s3_as();
  Result<void> add_services();
  services::sagemaker::hosting::HealthOptions health_options();
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
  std::unique_ptr<compute::Compute> compute;

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
  std::optional<services::platform::Modules> modules;

  std::unique_ptr<services::sagemaker_runtime::Recorder> recorder;
  std::unique_ptr<services::sagemaker::SagemakerService> sagemaker;
  std::unique_ptr<services::sagemaker::jobs::TrainingJobCounts> training_counts;
  services::sagemaker_runtime::RoutingTable routes;
  std::unique_ptr<services::sagemaker_runtime::Inference> inference;
  std::unique_ptr<services::sagemaker::hosting::FleetRunner> fleets;
  std::unique_ptr<services::sagemaker::hosting::FleetListener> endpoint_servers, component_servers;
  std::unique_ptr<services::sagemaker::hosting::HealthMonitor> health;
  std::unique_ptr<services::sagemaker::hosting::HostedComponents> hosted;
  std::unique_ptr<services::sagemaker::hosting::EndpointService> endpoints;
  std::unique_ptr<services::sagemaker::hosting::InferenceComponents> components;
  std::unique_ptr<services::sagemaker::hosting::AsyncInference> asynchronous;
  std::unique_ptr<services::sagemaker::jobs::FleetModels> batch_models;
  std::unique_ptr<services::sagemaker::jobs::TransformJobs> transform_jobs;
  std::unique_ptr<wire::Router> router;
  std::unique_ptr<wire::sigv4::Authenticator> authenticator;
  ConnectionShares shares;  // set by take_address()
  std::unique_ptr<wire::LocalAuthority> authority;
  std::unique_ptr<wire::Tunnels> tunnels;
  std::unique_ptr<ConnectPath> connect_path;
  Entrance entrance;
  std::unique_ptr<RequestChain> chain;
  std::unique_ptr<wire::HttpServer> http;
  std::unique_ptr<wire::HttpServer> job_http;   // for the doors in jobs' networks
  std::unique_ptr<wire::NameServer> job_names;  // in the same networks
  std::unique_ptr<HttpJobDoors> job_doors;
  std::unique_ptr<CredentialsDoor> credentials_door;  // nullptr: the endpoint itself is used
  services::platform::ServerAddresses addresses;
  std::string python;  // absolute path; empty: none
  bool announced = false;
  // Tasks of begin_transparent_mode(), which sets `authority`. Last, so that they end first.
  std::future<Result<void>> authority_loaded, trust_files_written;
  runtime::TaskScope background;
};

}  // namespace tidemill::server
