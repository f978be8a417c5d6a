#include "services/sagemaker/endpoint/fleet_runner.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "services/sagemaker/endpoint/instance_spec.h"

namespace tidemill::services::sagemaker {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds kPollPause{15};
constexpr std::size_t kLogTailBytes = 16 * 1024;
constexpr std::chrono::hours kCredentialsLifetime{12};

std::unexpected<Error> deployment_failed(const std::string& reason) {
  return fail(kDeploymentFailed, reason);
}

// A port of the loopback interface that nobody has right now.
Result<std::uint16_t> free_port() {
  const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* raw = reinterpret_cast<sockaddr*>(&address);
  const bool good =
      probe >= 0 && ::bind(probe, raw, length) == 0 && ::getsockname(probe, raw, &length) == 0;
  if (probe >= 0) ::close(probe);
  if (!good) return fail(codes::kIo, "no free port on the loopback interface");
  return ntohs(address.sin_port);
}

// The port is kept beside the instance before its process starts, so that a task that runs again
// after a crash finds the process it has started.
Result<std::uint16_t> port_of(const std::string& folder) {
  const fs::path path = fs::path(folder).string() + ".port";
  int port = 0;
  if (std::ifstream(path) >> port && port > 0) return static_cast<std::uint16_t>(port);
  const std::uint16_t chosen = TRY(free_port());
  std::ofstream file(path);
  file << chosen << "\n";
  if (!file.flush()) return fail(codes::kIo, "cannot write " + path.string());
  return chosen;
}

}  // namespace

FleetRunner::FleetRunner(const Dependencies& dependencies, std::string directory,
                         std::function<bool(std::uint16_t)> ping)
    : in_(dependencies), directory_(std::move(directory)), ping_(std::move(ping)) {}

std::string FleetRunner::variant_folder(const Fleet& fleet, std::int64_t variant) const {
  return directory_ + "/" + fleet.id + "/" + std::to_string(variant);
}

std::string FleetRunner::instance_folder(const InstanceRef& ref) const {
  return directory_ + "/" + ref.fleet + "/" + std::to_string(ref.variant) + "/" +
         std::to_string(ref.instance) + "-" + std::to_string(ref.attempt);
}

Result<Fleet> FleetRunner::start(const Endpoint& endpoint, Fleet fleet) {
  for (std::size_t index = 0; index < fleet.variants.size(); ++index) {
    const std::string folder = variant_folder(fleet, static_cast<std::int64_t>(index));
    TRY(fetch_model(endpoint, fleet.variants[index], folder + "/model"));
    if (fleet.variants[index].native) TRY(load_native(endpoint, fleet, index));
  }
  // Every process first, then the waits: they load their models at the same time.
  for (std::size_t index = 0; index < fleet.variants.size(); ++index) {
    Variant& variant = fleet.variants[index];
    for (std::size_t i = 0; i < variant.instances.size(); ++i) {
      InstanceRef ref{
          fleet.id, std::int64_t(index), std::int64_t(i), variant.instances[i].attempt, 0, {}};
      variant.instances[i].port = TRY(launch(endpoint, variant, ref));
    }
  }
  for (std::size_t index = 0; index < fleet.variants.size(); ++index) {
    Variant& variant = fleet.variants[index];
    for (std::size_t i = 0; i < variant.instances.size(); ++i) {
      Instance& instance = variant.instances[i];
      InstanceRef ref{fleet.id, std::int64_t(index), std::int64_t(i), instance.attempt, 0, {}};
      TRY(await_ready(endpoint, variant, ref, static_cast<std::uint16_t>(instance.port)));
      instance.ready = true;
    }
  }
  return fleet;
}

Result<InstanceRef> FleetRunner::start_instance(const Endpoint& endpoint, const Fleet& fleet,
                                                InstanceRef ref) {
  const Variant& variant = fleet.variants.at(static_cast<std::size_t>(ref.variant));
  InstanceRef previous = ref;
  previous.attempt -= 1;
  const std::uint16_t port = TRY(launch(endpoint, variant, ref));
  TRY(await_ready(endpoint, variant, ref, port));
  // Whatever the last attempt left.
  std::error_code ignored;
  (void)in_.compute.remove(instance_job_id(endpoint, previous));
  fs::remove_all(instance_folder(previous), ignored);
  ref.port = port;
  return ref;
}

Result<std::uint16_t> FleetRunner::launch(const Endpoint& endpoint, const Variant& variant,
                                          const InstanceRef& ref) {
  const std::string folder = instance_folder(ref);
  const std::string model =
      directory_ + "/" + ref.fleet + "/" + std::to_string(ref.variant) + "/model";
  std::error_code error;
  fs::create_directories(folder + "/code", error);
  if (!error) fs::create_directories(folder + "/output", error);
  InstanceSurroundings surroundings;
  surroundings.isolation = in_.compute.isolation();
  // Where there is no mount namespace, the model is beside the instance's other folders.
  if (surroundings.isolation.mount_namespace)
    fs::create_directories(folder + "/model", error);
  else if (!fs::is_symlink(folder + "/model"))
    fs::create_symlink(model, folder + "/model", error);
  if (error) return fail(codes::kIo, "cannot make " + folder + ": " + error.message());
  surroundings.model_folder = model;
  surroundings.instance_folder = folder;
  surroundings.port = TRY(port_of(folder));
  surroundings.server_url =
      endpoint.server_url.empty() ? in_.settings.endpoint : endpoint.server_url;
  Result<iam::TemporaryCredentials> credentials = in_.iam.issue_role_credentials(
      variant.role_arn, "endpoint-" + ref.fleet, kCredentialsLifetime);
  if (!credentials)
    return deployment_failed("The model's role " + variant.role_arn +
                             " cannot be assumed: " + credentials.error().message);
  surroundings.access_key_id = credentials->access_key_id;
  surroundings.secret_access_key = credentials->secret_access_key;
  surroundings.session_token = credentials->session_token;
  TRY(in_.compute.run(instance_spec(endpoint, variant, ref, in_.settings.programs, surroundings)));
  return surroundings.port;
}

Result<bool> FleetRunner::exited(const std::string& job, compute::JobExit& exit) {
  compute::JobStatus status = TRY(in_.compute.status(job));
  if (status.state == compute::JobState::running) return false;
  if (status.exit) exit = *status.exit;
  return true;
}

Result<void> FleetRunner::await_ready(const Endpoint& endpoint, const Variant& variant,
                                      const InstanceRef& ref, std::uint16_t port) {
  const std::string job = instance_job_id(endpoint, ref);
  const std::string where = "The primary container for production variant " + variant.name;
  const auto deadline =
      std::chrono::steady_clock::now() + std::chrono::seconds(variant.startup_seconds);
  auto log_reason = [&](std::size_t room) {
    Result<std::string> log = in_.compute.log_tail(job, kLogTailBytes);
    return log ? reason_from_log(*log, room) : std::string();
  };
  while (!cancelled_) {
    if (ping_(port)) return {};
    compute::JobExit exit;
    if (TRY(exited(job, exit))) {
      std::string head = where + " did not pass the ping health check: it ended with exit code " +
                         std::to_string(exit.exit_code);
      if (exit.out_of_memory) head += " because it used more memory than its instance type has";
      if (!exit.reason.empty()) head += " (" + exit.reason + ")";
      head += ". ";
      return deployment_failed(
          head + log_reason(kFailureReasonBytesMax - std::min(head.size(), std::size_t(900))));
    }
    if (std::chrono::steady_clock::now() > deadline)
      return deployment_failed(where + " did not pass the ping health check within " +
                               std::to_string(variant.startup_seconds) +
                               " seconds. Please check CloudWatch logs for this endpoint. " +
                               log_reason(700));
    std::this_thread::sleep_for(kPollPause);
  }
  return fail(codes::kCancelled, "the server stops");
}

Result<void> FleetRunner::await_exit(const std::string& job) {
  while (!cancelled_) {
    compute::JobExit exit;
    if (TRY(exited(job, exit))) return {};
    std::this_thread::sleep_for(kPollPause);
  }
  return fail(codes::kCancelled, "the server stops");
}

Result<void> FleetRunner::stop(const Endpoint& endpoint, const Fleet& fleet) {
  std::vector<std::string> jobs;
  for (std::size_t index = 0; index < fleet.variants.size(); ++index) {
    const auto& instances = fleet.variants[index].instances;
    for (std::size_t i = 0; i < instances.size(); ++i)
      // The record knows the newest attempt; an older one may be ending still.
      for (std::int64_t attempt = std::max<std::int64_t>(0, instances[i].attempt - 1);
           attempt <= instances[i].attempt; ++attempt)
        jobs.push_back(instance_job_id(
            endpoint, {fleet.id, std::int64_t(index), std::int64_t(i), attempt, 0, {}}));
  }
  for (const std::string& job : jobs) {
    Result<void> stopped = in_.compute.stop(job, std::chrono::seconds(kHostingStopGraceSeconds));
    if (!stopped && stopped.error().code != codes::kNotFound) return stopped;
  }
  for (const std::string& job : jobs) {
    TRY(await_exit(job));
    TRY(in_.compute.remove(job));
  }
  {
    std::lock_guard lock(mutex_);
    const std::string prefix = directory_ + "/" + fleet.id + "/";
    std::erase_if(models_, [&](const auto& each) { return each.first.starts_with(prefix); });
  }
  std::error_code error;
  fs::remove_all(directory_ + "/" + fleet.id, error);
  if (error)
    return fail(codes::kIo, "cannot remove the folder of " + fleet.id + ": " + error.message());
  return {};
}

}  // namespace tidemill::services::sagemaker
