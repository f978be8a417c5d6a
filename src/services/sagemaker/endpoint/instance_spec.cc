#include "services/sagemaker/endpoint/instance_spec.h"

#include "compute/instance_types.h"

namespace tidemill::services::sagemaker {
namespace {

constexpr const char* kMlFolder = "/opt/ml";
constexpr const char* kModelFolder = "/opt/ml/model";
constexpr std::string_view kTraceback = "Traceback (most recent call last):";

// A script in Python is imported by the model server; any other program is the server itself.
std::vector<std::string> serve_command(const Programs& programs, const Variant& variant,
                                       const std::string& model_folder) {
  auto program = variant.environment.find("SAGEMAKER_PROGRAM");
  if (program != variant.environment.end() && !program->second.empty() &&
      !program->second.ends_with(".py"))
    return {model_folder + "/code/" + program->second, "serve"};
  return {programs.python, "-m", "tidemill_serving"};
}

}  // namespace

compute::JobSpec instance_spec(const Endpoint& endpoint, const Variant& variant,
                               const InstanceRef& ref, const Programs& programs,
                               const InstanceSurroundings& surroundings) {
  const RuntimeCommand runtime = python_environment(programs);
  const bool own_view = surroundings.isolation.mount_namespace;
  const std::string ml = own_view ? kMlFolder : surroundings.instance_folder;
  compute::JobSpec spec;
  spec.id = instance_job_id(endpoint, ref);
  spec.command = serve_command(programs, variant, own_view ? kModelFolder : ml + "/model");
  spec.working_directory = ml;
  spec.environment = {
      {"SAGEMAKER_BIND_TO_PORT", std::to_string(surroundings.port)},
      {"SAGEMAKER_SAFE_PORT_RANGE", std::to_string(surroundings.port)},
      {"SAGEMAKER_REGION", endpoint.region},
      {"AWS_REGION", endpoint.region},
      {"AWS_DEFAULT_REGION", endpoint.region},
      {"AWS_ENDPOINT_URL", surroundings.server_url},
      {"S3_ENDPOINT_URL", surroundings.server_url},
      {"AWS_ACCESS_KEY_ID", surroundings.access_key_id},
      {"AWS_SECRET_ACCESS_KEY", surroundings.secret_access_key},
      {"AWS_SESSION_TOKEN", surroundings.session_token},
      {"HOME", ml},
      {"USER", "sagemaker"},
      {"LOGNAME", "sagemaker"},
      // One request at a time computes; the threads of several instances would fight for the cores.
      {"OMP_NUM_THREADS", "1"},
  };
  for (const auto& [name, value] : runtime.environment) spec.environment[name] = value;
  for (const auto& [name, value] : variant.environment) {
    std::string& variable = spec.environment[name];
    const bool prepend = name == "PYTHONPATH" && !variable.empty();
    variable = prepend ? value + ":" + variable : value;
  }
  if (own_view) {
    spec.mounts.push_back({surroundings.instance_folder, kMlFolder, false});
    spec.mounts.push_back({surroundings.model_folder, kModelFolder, true});
    for (const std::string& needed : runtime.folders) spec.mounts.push_back({needed, needed, true});
  } else {
    spec.environment["TIDEMILL_ML_ROOT"] = surroundings.instance_folder;
  }
  if (const auto* type = compute::find_instance_type(variant.instance_type)) {
    const compute::ResourceLimits limits = compute::limits_on_this_machine(*type);
    spec.memory_bytes_max = limits.memory_bytes_max;
    spec.cpus_max = limits.cpus_max;
  }
  return spec;
}

std::string reason_from_log(std::string_view log, std::size_t bytes_max) {
  while (!log.empty() && (log.back() == '\n' || log.back() == ' ')) log.remove_suffix(1);
  const std::size_t trace = log.rfind(kTraceback);
  if (trace != std::string_view::npos) log.remove_prefix(trace);
  if (log.size() <= bytes_max) return std::string(log);
  // The end of a traceback says more than its beginning.
  const std::string head =
      trace == std::string_view::npos ? "" : std::string(kTraceback) + "\n  ...\n";
  if (bytes_max <= head.size()) return std::string(log.substr(log.size() - bytes_max));
  log.remove_prefix(log.size() - (bytes_max - head.size()));
  const std::size_t line = log.find('\n');
  if (line != std::string_view::npos) log.remove_prefix(line + 1);
  return head + std::string(log);
}

}  // namespace tidemill::services::sagemaker
