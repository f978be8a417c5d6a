#include "services/sagemaker/hosting/fleet/instance_spec.h"

#include <algorithm>

#include "compute/instance_types.h"
#include "services/sagemaker/common/failure_text.h"

namespace tidemill::services::sagemaker::hosting {
namespace {

constexpr const char* kMlFolder = "/opt/ml";

std::vector<std::string> serve_command(const Container& container) {
  if (container.engine == engines::kProgram)
    return {std::string(kModelFolder) + "/code/" + container.environment.at("SAGEMAKER_PROGRAM"),
            "serve"};
  if (container.engine == engines::kOnnx) return {kTidemillProgram, "onnx-serve"};
  return {kPythonProgram, "-m", "tidemill_serving"};
}

// Tells the process about its place in the fleet.
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
  compute::Resources& limits = spec.resources;
  if (variant.serverless) {
    limits.memory_bytes_max = std::uint64_t(variant.serverless->memory_mib) << 20;
    limits.cpus_max = std::max(1.0, double(variant.serverless->memory_mib) / kMemoryPerCpuMib);
  } else if (const auto* type = compute::find_instance_type(variant.instance_type)) {
    const compute::ResourceLimits found = compute::limits_on_this_machine(*type);
    limits.memory_bytes_max = found.memory_bytes_max;
    limits.cpus_max = found.cpus_max;
  }
  const std::uint64_t memory_bytes = std::uint64_t(variant.memory_mib_max) << 20;
  if (memory_bytes > 0 && (limits.memory_bytes_max == 0 || memory_bytes < limits.memory_bytes_max))
    limits.memory_bytes_max = memory_bytes;
  if (variant.cpus_max > 0 && (limits.cpus_max == 0 || variant.cpus_max < limits.cpus_max))
    limits.cpus_max = variant.cpus_max;
  const std::int64_t volume_gib =
      variant.volume_gib_max > 0 ? variant.volume_gib_max : kVolumeDefaultGib;
  limits.scratch_bytes_max = std::uint64_t(volume_gib) << 30;
  if (limits.cpus_max <= 0) return;
  // One worker per vCPU, the default of SageMaker's containers.
  const std::string cpus = std::to_string(std::max(1, static_cast<int>(limits.cpus_max)));
  spec.environment.try_emplace("TIDEMILL_THREADS", cpus);
  spec.environment.try_emplace("TIDEMILL_WORKERS", cpus);
}

}  // namespace

compute::JobSpec instance_spec(const FleetOwner& owner, const Variant& variant,
                               const ServerRef& ref, const InstanceSurroundings& surroundings) {
  const Container& container = variant.containers.at(static_cast<std::size_t>(ref.container));
  compute::JobSpec spec;
  spec.id = server_job_id(owner, ref);
  spec.runtime = kPythonRuntime;
  spec.command = serve_command(container);
  spec.working_directory = kMlFolder;
  spec.environment = {
      {"SAGEMAKER_REGION", owner.region},
      {"AWS_REGION", owner.region},
      {"AWS_DEFAULT_REGION", owner.region},
      {"HOME", kMlFolder},
      {"USER", "sagemaker"},
      {"LOGNAME", "sagemaker"},
      // One request at a time computes; the threads of several instances would fight for the cores.
      {"OMP_NUM_THREADS", "1"},
  };
  spec.credentials = surroundings.credentials;
  describe_place(spec, variant, container, surroundings);
  for (const auto& [name, value] : container.environment) spec.environment[name] = value;
  spec.volumes = {{surroundings.instance, kMlFolder, false, "TIDEMILL_ML_ROOT"},
                  {surroundings.model, kModelFolder, true}};
  if (!surroundings.models.empty())
    spec.volumes.push_back({surroundings.models, kModelsFolder, true});
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
