#include "compute/process/job_plan.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string_view>

namespace tidemill::compute {

namespace {

namespace fs = std::filesystem;

std::unexpected<Error> cannot(const JobSpec& spec, const std::string& what) {
  return fail(codes::kInvalid,
              "job " + spec.id + " cannot run as a process of this machine: " + what);
}

Result<void> check_abilities(const JobSpec& spec) {
  if (!spec.image.empty())
    return cannot(spec, "it needs the container image '" + spec.image +
                            "', and this driver does not run images");
  if (spec.resources.gpus != 0)
    return cannot(spec, "it needs " + std::to_string(spec.resources.gpus) +
                            " GPUs, and this driver does not assign GPUs");
  if (spec.replicas != 1)
    return cannot(
        spec, "it needs " + std::to_string(spec.replicas) + " replicas, and this driver runs one");
  if (spec.command.empty() || spec.command[0].empty())
    return fail(codes::kInvalid, "job " + spec.id + " has no command");
  return {};
}

// The part of `path` below `folder`: "" if they are equal, "/rest"; nullopt if it lies elsewhere.
std::optional<std::string_view> below(std::string_view path, std::string_view folder) {
  if (!path.starts_with(folder)) return std::nullopt;
  path.remove_prefix(folder.size());
  if (!path.empty() && !path.starts_with('/')) return std::nullopt;
  return path;
}

// The host's path in place of the innermost mount's destination that the text begins with.
void correct(std::string& text, const std::vector<Mount>& mounts) {
  const Mount* innermost = nullptr;
  for (const Mount& mount : mounts)
    if (below(text, mount.destination) &&
        (!innermost || mount.destination.size() > innermost->destination.size()))
      innermost = &mount;
  if (innermost) text = innermost->source + text.substr(innermost->destination.size());
}

void correct_all(ProcessSpec& process, const JobSpec& spec) {
  correct(process.working_directory, process.mounts);
  for (std::string& word : process.command) correct(word, process.mounts);
  for (auto& [name, value] : process.environment) correct(value, process.mounts);
  for (std::size_t i = 0; i < spec.volumes.size(); ++i)
    if (!spec.volumes[i].variable.empty())
      process.environment[spec.volumes[i].variable] = process.mounts[i].source;
}

Result<void> add_runtime(ProcessSpec& process, const JobSpec& spec, const ProcessOptions& options) {
  if (spec.runtime.empty()) return {};
  if (!options.runtime) return cannot(spec, "there is no runtime '" + spec.runtime + "'");
  const Runtime runtime = TRY(options.runtime(spec.runtime));
  if (const auto program = runtime.programs.find(process.command[0]);
      program != runtime.programs.end())
    process.command[0] = program->second;
  for (const auto& [name, value] : runtime.environment) {
    const auto [at, is_new] = process.environment.try_emplace(name, value);
    if (!is_new && name == kPrependedVariable) at->second += ":" + value;
  }
  for (const std::string& folder : runtime.folders)
    process.mounts.push_back({folder, folder, true});
  return {};
}

}  // namespace

Result<ProcessSpec> plan_process(const JobSpec& spec, const PlanContext& context) {
  TRY(check_abilities(spec));
  ProcessSpec process;
  process.id = spec.id;
  process.command = spec.command;
  process.environment = spec.environment;
  process.environment.insert(spec.credentials.begin(), spec.credentials.end());
  process.working_directory = spec.working_directory;
  for (const VolumeMount& mount : spec.volumes)
    process.mounts.push_back(
        {context.volumes.folder(mount.volume), mount.destination, mount.read_only});
  if (!context.own_view) correct_all(process, spec);
  process.user_code = spec.user_code;
  process.memory_bytes_max = spec.resources.memory_bytes_max;
  process.cpus_max = spec.resources.cpus_max;
  process.processes_max = spec.resources.processes_max;
  process.volume_bytes_max = spec.resources.scratch_bytes_max;
  process.network = spec.network;
  process.server_port = spec.server_port;
  process.bound_socket = spec.bound_socket;
  TRY(add_runtime(process, spec, context.options));
  return process;
}

Result<void> make_mount_points(const JobSpec& spec, const PlanContext& context) {
  for (const VolumeMount& inner : spec.volumes)
    for (const VolumeMount& outer : spec.volumes) {
      const auto rest = below(inner.destination, outer.destination);
      if (!rest || rest->empty() || outer.read_only) continue;
      const fs::path place = context.volumes.folder(outer.volume) + std::string(*rest);
      std::error_code problem;
      if (context.own_view)
        fs::create_directories(place, problem);
      else if (!fs::exists(fs::symlink_status(place, problem)))
        fs::create_directory_symlink(context.volumes.folder(inner.volume), place, problem);
      if (problem) return fail(codes::kIo, "make " + place.string() + ": " + problem.message());
    }
  return {};
}

}  // namespace tidemill::compute
