#include "services/sagemaker/jobs/training_job/job_folder.h"

#include <filesystem>
#include <fstream>

#include "base/json.h"
#include "compute/instance_types.h"

namespace tidemill::services::sagemaker::jobs {

namespace {

namespace fs = std::filesystem;

constexpr const char* kHost = "algo-1";
constexpr const char* kMlFolder = "/opt/ml";
constexpr const char* kHomeFolder = "/home/sagemaker";

Value input_data_config(const TrainingJob& job) {
  ValueObject channels;
  if (!job.request.input_data_config) return channels;
  for (const auto& channel : *job.request.input_data_config) {
    ValueObject entry;
    entry.append("TrainingInputMode", "File");
    const auto* source = channel.data_source && channel.data_source->s3_data_source
                             ? &*channel.data_source->s3_data_source
                             : nullptr;
    entry.append(
        "S3DistributionType",
        source ? source->s3_data_distribution_type.value_or("FullyReplicated") : "FullyReplicated");
    entry.append("RecordWrapperType", channel.record_wrapper_type.value_or("None"));
    if (channel.content_type) entry.append("ContentType", *channel.content_type);
    channels.append(channel.channel_name, std::move(entry));
  }
  return channels;
}

Value resource_config(const TrainingJob& job) {
  const std::string type = job.request.resource_config->instance_type.value_or("");
  ValueObject group, config;
  group.append("instance_group_name", "homogeneousCluster");
  group.append("instance_type", type);
  group.append("hosts", ValueList{kHost});
  config.append("current_host", kHost);
  config.append("current_instance_type", type);
  config.append("current_group_name", "homogeneousCluster");
  config.append("hosts", ValueList{kHost});
  config.append("instance_groups", ValueList{std::move(group)});
  config.append("network_interface_name", "lo");
  return config;
}

}  // namespace

JobFolder job_folder(const compute::Volumes& volumes, const TrainingJob& job) {
  const std::string name = std::string(kTrainingVolumes) + "/" + compute_id(job);
  return {name, volumes.folder(name)};
}

std::string checkpoint_folder(const TrainingJob& job) {
  std::string path = "/opt/ml/checkpoints";
  if (job.request.checkpoint_config && job.request.checkpoint_config->local_path)
    path = *job.request.checkpoint_config->local_path;
  // The rules keep it below /opt/ml.
  path = fs::path(path).lexically_normal().lexically_relative(kMlFolder);
  return path.ends_with('/') ? path.substr(0, path.size() - 1) : path;
}

std::vector<std::pair<std::string, std::string>> config_files(const TrainingJob& job) {
  std::vector<std::pair<std::string, std::string>> files;
  files.emplace_back(
      "hyperparameters.json",
      to_json(job.request.hyper_parameters.value_or(std::map<std::string, std::string>())));
  files.emplace_back("inputdataconfig.json", write_json(input_data_config(job)));
  files.emplace_back("resourceconfig.json", write_json(resource_config(job)));
  if (job.request.checkpoint_config) {
    ValueObject config;
    config.append("S3Uri", job.request.checkpoint_config->s3_uri);
    config.append("LocalPath", std::string(kMlFolder) + "/" + checkpoint_folder(job));
    files.emplace_back("checkpointconfig.json", write_json(config));
  }
  return files;
}

Result<void> make_job_folder(compute::Volumes& volumes, const JobFolder& folder,
                             const TrainingJob& job) {
  TRY(volumes.make(folder.ml_volume()));
  TRY(volumes.make(folder.home_volume()));
  const fs::path ml = folder.ml();
  std::vector<fs::path> folders = {ml / "input/config", ml / "input/data", ml / "model",
                                   ml / "output/data", ml / "code"};
  if (job.request.checkpoint_config) folders.push_back(ml / checkpoint_folder(job));
  if (job.request.input_data_config)
    for (const auto& channel : *job.request.input_data_config)
      folders.push_back(folder.channel(channel.channel_name));
  for (const fs::path& path : folders) {
    std::error_code problem;
    fs::create_directories(path, problem);
    if (problem) return fail(codes::kIo, "make " + path.string() + ": " + problem.message());
  }
  for (const auto& [name, text] : config_files(job)) {
    std::ofstream file(ml / "input/config" / name, std::ios::trunc);
    file << text;
    if (!file.flush()) return fail(codes::kIo, "write " + name + " of the training job");
  }
  return {};
}

compute::JobSpec job_spec(const TrainingJob& job, const JobFolder& folder,
                          const JobSurroundings& surroundings) {
  const auto& algorithm = *job.request.algorithm_specification;
  // Checked when it was created; of an unknown image the entry point runs.
  const Image image =
      resolve_image(*algorithm.training_image).value_or(Image{Runtime::host_program, "", ""});
  const RuntimeCommand runtime = training_command(
      image, job.request.hyper_parameters.value_or(std::map<std::string, std::string>()),
      algorithm.container_entrypoint.value_or(std::vector<std::string>()),
      algorithm.container_arguments.value_or(std::vector<std::string>()));
  compute::JobSpec spec;
  spec.id = compute_id(job);
  spec.runtime = runtime.runtime;
  spec.command = runtime.command;
  spec.working_directory = kMlFolder;
  spec.environment = {
      {"TRAINING_JOB_NAME", job.name()},
      {"TRAINING_JOB_ARN", job.arn},
      {"AWS_REGION", job.region},
      {"AWS_DEFAULT_REGION", job.region},
      {"HOME", kHomeFolder},
      // The job's user has no entry in the password file. Containers run as root, and the SDK's
      // @remote asks for sudo when these say anything else.
      {"USER", "root"},
      {"LOGNAME", "root"},
      // Jobs share the machine's cores: OpenMP threads that wait by spinning made scikit-learn
      // twenty times slower on two busy cores.
      {"OMP_WAIT_POLICY", "PASSIVE"},
  };
  join(spec, surroundings.network);
  spec.credentials = surroundings.credentials;
  for (const auto& [name, value] : runtime.environment) spec.environment[name] = value;
  if (job.request.environment)
    for (const auto& [name, value] : *job.request.environment) spec.environment[name] = value;
  spec.volumes = {{folder.ml_volume(), kMlFolder, false, "TIDEMILL_ML_ROOT"},
                  {folder.home_volume(), kHomeFolder, false}};
  if (const auto* type =
          compute::find_instance_type(job.request.resource_config->instance_type.value_or(""))) {
    const compute::ResourceLimits limits = compute::limits_on_this_machine(*type);
    spec.resources.memory_bytes_max = limits.memory_bytes_max;
    spec.resources.cpus_max = limits.cpus_max;
  }
  constexpr std::int64_t kVolumeDefaultGigabytes = 30;
  const std::int64_t gigabytes =
      job.request.resource_config->volume_size_in_gb.value_or(kVolumeDefaultGigabytes);
  spec.resources.scratch_bytes_max = static_cast<std::uint64_t>(gigabytes) << 30;
  return spec;
}

}  // namespace tidemill::services::sagemaker::jobs
