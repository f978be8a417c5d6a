#include "services/sagemaker/hosting/fleet/instance_spec.h"

#include <algorithm>

#include "compute/instance_types.h"
#include "services/sagemaker/common/failure_text.h"

namespace tidemill::services::sagemaker::hosting {
namespace {

constexpr const char* kMlFolder = "/opt/ml";
constexpr const char* kModelFolder = "/opt/ml/model";

std::vector<std::string> serve_command(const Programs& programs, const Container& container,
                                       const std::string& model_folder) {
  if (container.engine == engines::kProgram)
    return {model_folder + "/code/" + container.environment.at("SAGEMAKER_PROGRAM"), "serve"};
  if (container.engine == engines::kOnnx) return {programs.self, "onnx-serve"};
  return {programs.python, "-m", "tidemill_serving"};
}

// What the process is told about its place in the fleet.
void describe_place(compute::JobSpec& spec, const Variant& variant, const Container& container,
                    const InstanceSurroundings& surroundings) {
  join(spec, surroundings.network);
  spec.bound_socket = surroundings.port == 0;
  if (surroundings.port != 0) {
    spec.environment["SAGEMAKER_BIND_TO_PORT"] = std::to_string(surroundings.port);
    spec.environment["SAGEMAKER_SAFE_PORT_RANGE"] = std::to_string(surroundings.port);
  }
  if (container.multi_model) {
    spec.environment["SAGEMAKER_MULTI_MODEL"] = "true";
    // Memory is what many models are short of: one process a model, unless
    // SAGEMAKER_MODEL_SERVER_WORKERS asks for more.
    spec.environment["TIDEMILL_WORKERS"] = "1";
  }
  if (!container.hostname.empty())
    spec.environment["SAGEMAKER_CONTAINER_HOSTNAME"] = container.hostname;
  if (!variant.serverless) return;
  // Workers come and go with the requests; the process that forks them holds no model.
  spec.environment["TIDEMILL_WORKERS_MIN"] =
      std::to_string(variant.serverless->provisioned_concurrency);
  spec.environment["TIDEMILL_WORKERS_MAX"] = std::to_string(variant.serverless->concurrency_max);
  spec.environment["TIDEMILL_WORKER_IDLE_SECONDS"] = std::to_string(kServerlessIdleSeconds);
}

void limit_resources(compute::JobSpec& spec, const Variant& variant) {
  constexpr double kMemoryPerCpuMib = 1769;  // what one vCPU comes with, as in Lambda
  if (variant.serverless) {
    spec.memory_bytes_max = std::uint64_t(variant.serverless->memory_mib) << 20;
    spec.cpus_max = std::max(1.0, double(variant.serverless->memory_mib) / kMemoryPerCpuMib);
  } else if (const auto* type = compute::find_instance_type(variant.instance_type)) {
    const compute::ResourceLimits limits = compute::limits_on_this_machine(*type);
    spec.memory_bytes_max = limits.memory_bytes_max;
    spec.cpus_max = limits.cpus_max;
  }
  const std::uint64_t memory_bytes = std::uint64_t(variant.memory_mib_max) << 20;
  if (memory_bytes > 0 && (spec.memory_bytes_max == 0 || memory_bytes < spec.memory_bytes_max))
    spec.memory_bytes_max = memory_bytes;
  if (variant.cpus_max > 0 && (spec.cpus_max == 0 || variant.cpus_max < spec.cpus_max))
    spec.cpus_max = variant.cpus_max;
  const std::int64_t volume_gib =
      variant.volume_gib_max > 0 ? variant.volume_gib_max : kVolumeDefaultGib;
  spec.volume_bytes_max = std::uint64_t(volume_gib) << 30;
  if (spec.cpus_max <= 0) return;
  // As many workers as SageMaker's containers have by default, one a vCPU.
  const std::string cpus = std::to_string(std::max(1, static_cast<int>(spec.cpus_max)));
  spec.environment.try_emplace("TIDEMILL_THREADS", cpus);
  spec.environment.try_emplace("TIDEMILL_WORKERS", cpus);
}

}  // namespace

compute::JobSpec instance_spec(const FleetOwner& owner, const Variant& variant,
                               const ServerRef& ref, const Programs& programs,
                               const InstanceSurroundings& surroundings) {
  const Container& container = variant.containers.at(static_cast<std::size_t>(ref.container));
  const RuntimeCommand runtime = python_environment(programs);
  const bool own_view = surroundings.isolation.mount_namespace;
  const std::string ml = own_view ? kMlFolder : surroundings.instance_folder;
  compute::JobSpec spec;
  spec.id = server_job_id(owner, ref);
  spec.command = serve_command(programs, container, own_view ? kModelFolder : ml + "/model");
  spec.working_directory = ml;
  spec.environment = {
      {"SAGEMAKER_REGION", owner.region},
      {"AWS_REGION", owner.region},
      {"AWS_DEFAULT_REGION", owner.region},
      {"HOME", ml},
      {"USER", "sagemaker"},
      {"LOGNAME", "sagemaker"},
      // One request at a time computes; the threads of several instances would fight for the cores.
      {"OMP_NUM_THREADS", "1"},
  };
  spec.environment.insert(surroundings.credentials.begin(), surroundings.credentials.end());
  describe_place(spec, variant, container, surroundings);
  for (const auto& [name, value] : runtime.environment) spec.environment[name] = value;
  for (const auto& [name, value] : container.environment) {
    std::string& variable = spec.environment[name];
    const bool prepend = name == "PYTHONPATH" && !variable.empty();
    variable = prepend ? value + ":" + variable : value;
  }
  if (!own_view) spec.environment["TIDEMILL_ML_ROOT"] = surroundings.instance_folder;
  // Named where they cannot be mounted, too: compute/ gives them to the job's user.
  spec.mounts.push_back({surroundings.instance_folder, kMlFolder, false});
  spec.mounts.push_back({surroundings.model_folder, kModelFolder, true});
  if (!surroundings.models_folder.empty())
    spec.mounts.push_back({surroundings.models_folder, kModelsFolder, true});
  for (const std::string& needed : runtime.folders) spec.mounts.push_back({needed, needed, true});
  limit_resources(spec, variant);
  return spec;
}

std::string reason_from_log(std::string_view log, std::size_t bytes_max) {
  constexpr std::size_t kLastLines = 50;
  constexpr std::string_view kModuleHint =
      "\nPython models run on the interpreter that the server's setting --python names, whose "
      "environment lacks this module: Tidemill's README.md, 'Running it'.";
  const bool hint =
      log.contains("ModuleNotFoundError: No module named") && bytes_max > 2 * kModuleHint.size();
  std::string reason =
      exception_first(log, bytes_max - (hint ? kModuleHint.size() : 0), kLastLines);
  if (hint && reason.contains("ModuleNotFoundError")) reason += kModuleHint;
  return reason;
}

}  // namespace tidemill::services::sagemaker::hosting
