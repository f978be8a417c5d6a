#include "services/sagemaker/hosting/fleet/fleet_runner.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/log.h"
#include "services/sagemaker/common/failure_text.h"
#include "services/sagemaker/common/role_environment.h"
#include "services/sagemaker/hosting/fleet/fleet_place.h"
#include "services/sagemaker/hosting/fleet/instance_spec.h"
#include "services/sagemaker/hosting/fleet/model_source.h"

namespace tidemill::services::sagemaker::hosting {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLogTailBytes = 16 * 1024;

std::unexpected<Error> deployment_failed(const std::string& reason) {
  return fail(kDeploymentFailed, reason);
}

// Programs of the user's own keep SageMaker's contract, which knows ports only.
bool listens_on_port(const Container& container) { return container.engine == engines::kProgram; }

}  // namespace

FleetRunner::FleetRunner(const Dependencies& dependencies, FleetOptions options)
    : in_(dependencies), options_(std::move(options)), ports_(in_.random) {}

std::string FleetRunner::instance_volume(const ServerRef& ref) const {
  return fleet_volumes(ref.fleet) + "/" + std::to_string(ref.variant) + "/i" +
         std::to_string(ref.instance) + "-c" + std::to_string(ref.container) + "-" +
         std::to_string(ref.attempt);
}

std::string FleetRunner::instance_folder(const ServerRef& ref) const {
  return in_.compute.volumes().folder(instance_volume(ref));
}

ServerAddress FleetRunner::address_of(const FleetOwner& owner, const ServerRef& ref) {
  const std::string job = server_job_id(owner, ref);
  compute::Address address = in_.compute.address(job, static_cast<std::uint16_t>(ref.port));
  // The contract's port is in the job's own network, which is gone once the job is: the same port
  // of this machine is somebody else's, and never asked. Nobody listens on port 0.
  if (ref.port == kContractPort && !address.network) return {"", 0, nullptr};
  return {std::move(address.socket_path), address.port, std::move(address.network)};
}

// The port is kept beside the instance before its process starts, so that a task that runs again
// after a crash finds the process it has started.
Result<std::uint16_t> FleetRunner::port_of(const ServerRef& ref) {
  const std::string path = port_file(ref);
  int port = 0;
  if (std::ifstream(path) >> port && port > 0) {
    ports_.keep(static_cast<std::uint16_t>(port));
    return static_cast<std::uint16_t>(port);
  }
  const std::uint16_t chosen = TRY(ports_.take());
  std::ofstream file(path);
  file << chosen << "\n";
  if (file.flush()) return chosen;
  ports_.give_back(chosen);
  return fail(codes::kIo, "cannot write " + path);
}

std::string FleetRunner::port_file(const ServerRef& ref) const {
  return instance_folder(ref) + ".port";
}

void FleetRunner::remove_files(const ServerRef& ref) {
  int port = 0;
  if (std::ifstream(port_file(ref)) >> port) ports_.give_back(static_cast<std::uint16_t>(port));
  if (Result<void> removed = in_.compute.volumes().remove(instance_volume(ref)); !removed)
    log::warning("what a model server left could not be removed",
                 {{"volume", instance_volume(ref)}, {"reason", removed.error().message}});
  std::error_code ignored;
  fs::remove(port_file(ref), ignored);
}

// While it lives, stops of its instances wait for it, and it is told to give up.
class FleetRunner::Start {
 public:
  Start(FleetRunner& runner, const std::string& fleet, const std::vector<InstanceIndex>& which)
      : runner_(runner) {
    std::lock_guard lock(runner_.mutex_);
    for (const InstanceIndex& at : which) {
      keys_.push_back(instance_key(fleet, at));
      ++runner_.starts_[keys_.back()];
    }
  }
  ~Start() {
    std::lock_guard lock(runner_.mutex_);
    for (const std::string& key : keys_)
      if (--runner_.starts_[key] == 0) runner_.starts_.erase(key);
    runner_.started_.notify_all();
  }
  Start(const Start&) = delete;
  Start& operator=(const Start&) = delete;

 private:
  FleetRunner& runner_;
  std::vector<std::string> keys_;
};

bool FleetRunner::is_stopping(const ServerRef& ref) {
  std::lock_guard lock(mutex_);
  return stops_.contains(instance_key(ref.fleet, {ref.variant, ref.instance}));
}

bool FleetRunner::is_start_stopped(const std::string& fleet_id) {
  const std::string prefix = fleet_id + "/";
  std::lock_guard lock(mutex_);
  for (auto at = stops_.lower_bound(prefix); at != stops_.end() && at->first.starts_with(prefix);
       ++at)
    if (starts_.contains(at->first)) return true;
  return false;
}

void FleetRunner::cancel() {
  cancelled_ = true;
  std::lock_guard lock(mutex_);
  for (auto& [folder, source] : sources_) source->cancel();
}

Result<Fleet> FleetRunner::start(const FleetOwner& owner, Fleet fleet,
                                 const std::vector<InstanceIndex>& which) {
  const Start under_way(*this, fleet.id, which);
  for (std::size_t index = 0; index < fleet.variants.size(); ++index)
    for (std::size_t i = 0; i < fleet.variants[index].containers.size(); ++i)
      TRY(settle(Place(in_.compute.volumes(), owner, fleet, index, i),
                 fleet.variants[index].containers[i]));
  // Every process first, then the waits: they load their models at the same time.
  std::vector<ServerRef> starting;
  for (const InstanceIndex& at : which) {
    Instance& instance =
        fleet.variants.at(std::size_t(at.variant)).instances.at(std::size_t(at.instance));
    for (std::size_t i = 0; i < instance.servers.size(); ++i) {
      Server& server = instance.servers[i];
      const Place place(in_.compute.volumes(), owner, fleet, std::size_t(at.variant), i);
      if (place.container.native()) {
        server.ready = true;
        server.starting = false;
      }
      if (server.ready) continue;
      ServerRef ref{fleet.id, at.variant, at.instance, std::int64_t(i), server.attempt, 0, {}};
      ref.port = server.port = TRY(launch(place, ref));
      starting.push_back(ref);
    }
  }
  auto place_of = [&](const ServerRef& ref) {
    return Place(in_.compute.volumes(), owner, fleet, std::size_t(ref.variant),
                 std::size_t(ref.container));
  };
  for (const ServerRef& ref : starting) TRY(await_ready(place_of(ref), ref));
  // One may have ended while others were waited for.
  for (const ServerRef& ref : starting) {
    compute::JobExit exit;
    if (TRY(exited(server_job_id(owner, ref), exit)))
      return deployment_failed("The " + place_of(ref).title() + " for production variant " +
                               place_of(ref).variant.name +
                               " ended while others were being started, with exit code " +
                               std::to_string(exit.exit_code) + ".");
    Server& server = *find_server(fleet, ref);
    server.ready = true;
    server.starting = false;
  }
  return fleet;
}

Result<ServerRef> FleetRunner::start_server(const FleetOwner& owner, const Fleet& fleet,
                                            ServerRef ref) {
  const Start under_way(*this, fleet.id, {{ref.variant, ref.instance}});
  const Place place(in_.compute.volumes(), owner, fleet, std::size_t(ref.variant),
                    std::size_t(ref.container));
  // Whatever the last attempt left: one that never comes up must not fill the disk.
  ServerRef previous = ref;
  previous.attempt -= 1;
  if (in_.compute.remove(server_job_id(owner, previous))) {
    TRY(in_.iam.revoke_role(server_job_id(owner, previous)));
    remove_files(previous);
  }
  ref.port = TRY(launch(place, ref));
  Result<void> ready = await_ready(place, ref);
  // It may be there although it does not answer; the next attempt takes what it leaves.
  if (!ready && ready.error().code == kDeploymentFailed)
    (void)in_.compute.stop(server_job_id(owner, ref),
                           std::chrono::seconds(kHostingStopGraceSeconds));
  if (!ready) return fail(ready.error());
  return ref;
}

// The instance's own volume, empty folders for its outputs, and what it mounts.
Result<void> FleetRunner::make_instance(const Place& place, const ServerRef& ref) {
  compute::Volumes& volumes = in_.compute.volumes();
  TRY(volumes.make(instance_volume(ref)));
  const std::string folder = instance_folder(ref);
  std::error_code error;
  fs::create_directories(folder + "/code", error);
  if (!error) fs::create_directories(folder + "/output", error);
  if (error) return fail(codes::kIo, "cannot make " + folder + ": " + error.message());
  TRY(volumes.publish(instance_volume(ref)));
  TRY(volumes.publish(place.model_volume()));
  if (!place.container.multi_model) return {};
  TRY(volumes.make(place.models_volume()));
  return volumes.publish(place.models_volume());
}

// The port, or 0 for a unix socket.
Result<std::int64_t> FleetRunner::launch(const Place& place, const ServerRef& ref) {
  TRY(make_instance(place, ref));
  InstanceSurroundings surroundings;
  surroundings.model = place.model_volume();
  surroundings.instance = instance_volume(ref);
  if (place.container.multi_model) surroundings.models = place.models_volume();
  surroundings.network = job_network(in_.settings, in_.compute.isolation(), place.variant.cut_off,
                                     place.owner.server_url);
  if (listens_on_port(place.container))
    surroundings.port = surroundings.network.network == compute::JobNetwork::isolated
                            ? kContractPort
                            : TRY(port_of(ref));
  Result<std::map<std::string, std::string>> credentials =
      role_environment(in_.iam, surroundings.network.credentials_url,
                       {server_job_id(place.owner, ref), place.variant.role_arn,
                        place.owner.kind + "-" + ref.fleet, place.variant.role_since});
  if (!credentials)
    return deployment_failed("The model's role " + place.variant.role_arn +
                             " cannot be assumed: " + credentials.error().message);
  surroundings.credentials = *std::move(credentials);
  TRY(in_.compute.run(instance_spec(place.owner, place.variant, ref, surroundings)));
  return surroundings.port;
}

Result<bool> FleetRunner::exited(const std::string& job, compute::JobExit& exit) {
  compute::JobStatus status = TRY(in_.compute.observe(job));
  if (status.state == compute::JobState::running) return false;
  if (status.exit) exit = *status.exit;
  return true;
}

// In the host's network another process may have taken the port before the program did: it must not
// be taken for the model. The program then fails to listen there, and its end says so.
bool FleetRunner::is_own_answer(const std::string& job, const ServerRef& ref) {
  return ref.port == 0 || ref.port == kContractPort ||
         in_.compute.listens(job, static_cast<std::uint16_t>(ref.port));
}

Result<void> FleetRunner::await_ready(const Place& place, const ServerRef& ref) {
  const std::string job = server_job_id(place.owner, ref);
  const std::string where =
      "The " + place.title() + " for production variant " + place.variant.name;
  const auto deadline =
      std::chrono::steady_clock::now() + std::chrono::seconds(place.variant.startup_seconds);
  auto log_reason = [&](std::size_t room) {
    Result<compute::LogTail> log = in_.compute.log_tail(job, kLogTailBytes);
    if (!log) return std::string();
    return hide_server_paths(reason_from_log(log->text, room), instance_folder(ref),
                             in_.settings.programs);
  };
  while (!cancelled_) {
    if (is_stopping(ref)) return fail(codes::kCancelled, "the instance is being stopped");
    // Looked up anew: a restarted server may find the job's network again after this task began.
    if (options_.ping(address_of(place.owner, ref)) && is_own_answer(job, ref)) return {};
    compute::JobExit exit;
    if (TRY(exited(job, exit))) {
      std::string head = where + " did not pass the ping health check: it ended with exit code " +
                         std::to_string(exit.exit_code);
      if (exit.out_of_memory) head += " because it used more memory than its instance type has";
      if (exit.out_of_volume) head += " because its files outgrew the instance's volume";
      if (!exit.reason.empty()) head += " (" + exit.reason + ")";
      if (ref.port && ref.port != kContractPort &&
          ServerPorts::is_listened_on(static_cast<std::uint16_t>(ref.port)))
        head += ", and another process listens on the port " + std::to_string(ref.port) +
                " that it was given";
      head += ". ";
      return deployment_failed(
          head + log_reason(kFailureReasonBytesMax - std::min(head.size(), std::size_t(900))));
    }
    if (std::chrono::steady_clock::now() > deadline)
      return deployment_failed(where + " did not pass the ping health check within " +
                               std::to_string(place.variant.startup_seconds) +
                               " seconds. Please check CloudWatch logs for this endpoint. " +
                               log_reason(700));
    std::this_thread::sleep_for(kPollPause);
  }
  return fail(codes::kCancelled, "the server stops");
}

void FleetRunner::await_engine_stop(const std::stop_token& stop) const {
  constexpr std::chrono::seconds kStopTime{10};
  const auto until = std::chrono::steady_clock::now() + kStopTime;
  while (cancelled_ && !stop.stop_requested() && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(kPollPause);
}

}  // namespace tidemill::services::sagemaker::hosting
