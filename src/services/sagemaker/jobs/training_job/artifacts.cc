#include "services/sagemaker/jobs/training_job/artifacts.h"

#include <algorithm>
#include <csignal>
#include <filesystem>

#include "base/file_tree.h"
#include "base/utf8.h"
#include "compute/instance_types.h"
#include "services/platform/archives/archive.h"
#include "services/sagemaker/common/failure_text.h"
#include "services/sagemaker/common/s3_uri.h"
#include "services/sagemaker/jobs/training_job/channels.h"

namespace tidemill::services::sagemaker::jobs {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kFailureCharactersMax = 1024;
constexpr std::size_t kShownPathBytes = 60;
constexpr std::size_t kKeyBytesMax = 1024;
constexpr std::string_view kTraceback = "Traceback (most recent call last):";

// The text of /opt/ml/output/failure, if the job wrote it.
std::string read_failure_file(const JobFolder& folder) {
  const std::string path = platform::path_without_links(folder.ml(), "output/failure");
  if (path.empty()) return "";
  Result<std::unique_ptr<ByteSource>> source = platform::open_file_source(path);
  if (!source) return "";
  std::string text(4 * kFailureCharactersMax, '\0');  // a character has up to four bytes
  Result<std::size_t> count = (*source)->read(text);
  text.resize(count ? *count : 0);
  return text;
}

// At most so many characters, not cutting one in two.
std::string cut_characters(std::string text, std::size_t characters_max) {
  std::size_t characters = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool starts = (static_cast<unsigned char>(text[i]) & 0xC0) != 0x80;
    if (starts && ++characters > characters_max) {
      text.resize(i);
      break;
    }
  }
  return text;
}

std::string trim(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ' || text.back() == '\r'))
    text.pop_back();
  return text;
}

bool has_files(const fs::path& folder) {
  std::error_code problem;
  for (auto walk = fs::recursive_directory_iterator(folder, problem);
       !problem && walk != fs::recursive_directory_iterator(); walk.increment(problem))
    if (!fs::is_directory(walk->symlink_status())) return true;
  return false;
}

// Every file below the folder, as an object below the prefix.
Result<void> upload_files(s3::S3Interface& s3, const TrainingJob& job, const fs::path& folder,
                          const S3Uri& target) {
  std::error_code problem;
  for (auto walk = fs::recursive_directory_iterator(folder, problem);
       !problem && walk != fs::recursive_directory_iterator(); walk.increment(problem)) {
    if (!fs::is_regular_file(walk->symlink_status())) continue;
    const std::string name = walk->path().lexically_relative(folder).string();
    if (!is_valid_utf8(name) || join_key(target.key, name).size() > kKeyBytesMax)
      return fail(kClientError, "the file " + to_valid_utf8(cut_utf8(name, kShownPathBytes)) +
                                    " can be no object: keys of S3 are UTF-8 and have at most " +
                                    std::to_string(kKeyBytesMax) + " bytes");
    TRY(s3.put_object_from_file(job.account, target.bucket, join_key(target.key, name),
                                walk->path()));
  }
  if (problem) return fail(codes::kIo, "read " + folder.string() + ": " + problem.message());
  return {};
}

// The folder as one compressed object, or file by file. Returns its URI.
Result<std::string> upload_folder(s3::S3Interface& s3, const TrainingJob& job,
                                  const JobFolder& folder, const std::string& name,
                                  const fs::path& source, platform::StopCheck& stop) {
  const auto& output = *job.request.output_data_config;
  S3Uri target = TRY(parse_s3_uri(output.s3_output_path));
  target.key = join_key(target.key, job.name() + "/output/" + name);
  if (output.compression_type == api::sagemaker::output_compression_type::kNone) {
    target.key += "/";
    TRY(upload_files(s3, job, source, target));
    return target.text();
  }
  target.key += ".tar.gz";
  const std::string file = folder.root + "/" + name + ".tar.gz";
  TRY(platform::pack_tar_gz(source, file, &stop));
  TRY(s3.put_object_from_file(job.account, target.bucket, target.key, file,
                              {.content_type = "application/gzip"}));
  std::error_code ignored;
  fs::remove(file, ignored);
  return target.text();
}

}  // namespace

std::string describe_failure(std::string_view log) {
  return failure_in_log(log, kFailureCharactersMax);
}

namespace {

// The driver of the SageMaker SDK v3 writes to output/failure only that its child failed; what the
// script itself said stands in the log above the driver's own report. "" when it is not so.
std::string said_below_driver(const std::string& failure, std::string_view log) {
  if (!failure.contains("subprocess.CalledProcessError")) return "";
  const std::size_t report = log.rfind("Command failed with exit code ");
  if (report == log.npos) return "";
  log = log.substr(0, report);
  return log.contains(kTraceback) ? describe_failure(log) : "";
}

}  // namespace

std::string failure_reason(const TrainingJob& job, const JobFolder& folder,
                           const compute::JobExit& exit, std::string_view log_tail) {
  if (job.stop_requested || job.max_runtime_exceeded) return "";
  if (!exit.reason.empty()) return "AlgorithmError: The job could not run: " + exit.reason;
  if (exit.exit_code == 0) return "";
  const std::string code = ", exit code: " + std::to_string(exit.exit_code);
  if (exit.out_of_memory) {
    const std::string type = job.request.resource_config->instance_type.value_or("");
    const auto* found = compute::find_instance_type(type);
    const std::uint64_t bytes =
        found ? compute::limits_on_this_machine(*found).memory_bytes_max : 0;
    return "AlgorithmError: The job ran out of memory: it used more than the " +
           std::to_string(bytes >> 20) + " MiB that " + type +
           " has on this machine. Use a larger InstanceType or less memory" + code;
  }
  if (exit.out_of_volume)
    return "AlgorithmError: No space left on device: the job's files grew larger than the " +
           std::to_string(job.request.resource_config->volume_size_in_gb.value_or(0)) +
           " GB of VolumeSizeInGB (data channels, /opt/ml, /tmp and the home folder count). Ask "
           "for a larger VolumeSizeInGB or write less" +
           code;
  std::string text = trim(cut_characters(read_failure_file(folder), kFailureCharactersMax));
  if (std::string own = said_below_driver(text, log_tail); !own.empty()) text = std::move(own);
  if (text.empty()) text = describe_failure(log_tail);
  if (text.empty() && exit.signal != 0)
    text = "The job was ended by signal " + std::to_string(exit.signal) +
           (exit.signal == SIGSEGV ? " (invalid memory access)" : "");
  if (text.empty()) text = "The job wrote neither /opt/ml/output/failure nor any output";
  for (const char* kind : {"AlgorithmError:", "ClientError:", "InternalServerError:"})
    if (text.starts_with(kind)) return text + code;
  return "AlgorithmError: " + text + code;
}

namespace {

// Archives that lie deeper could not be unpacked again, and no key of S3 is as long as their paths.
Result<void> check_depths(const JobFolder& folder, const std::vector<std::string>& paths,
                          platform::StopCheck& stop) {
  constexpr std::size_t kDepthMax = 64;
  for (const std::string& path : paths) {
    if (path.empty() || !fs::is_directory(path)) continue;
    TRY(walk_tree(path, [&](const TreeEntry& entry) -> Result<void> {
      TRY(stop.check());
      if (entry.depth <= kDepthMax) return {};
      return fail(kClientError,
                  "What the job wrote below /opt/ml" + path.substr(folder.ml().size()) +
                      " is too deep: " + entry.path.substr(0, kShownPathBytes) +
                      "... lies in more than " + std::to_string(kDepthMax) + " folders");
    }));
  }
  return {};
}

// The files to upload lie on the job's volume, and holes in them count as if they were written.
Result<void> check_volume(const TrainingJob& job, const std::vector<std::string>& folders,
                          platform::StopCheck& stop) {
  constexpr std::uint64_t kGigabyte = 1ull << 30;  // as EBS counts them
  const auto& resources = job.request.resource_config;
  const auto volume_gb = static_cast<std::uint64_t>(
      resources ? resources->volume_size_in_gb.value_or(kVolumeDefaultGb) : kVolumeDefaultGb);
  std::uint64_t bytes = 0;
  for (const std::string& folder : folders) {
    if (folder.empty() || !fs::is_directory(folder)) continue;
    const platform::ApparentSize size = TRY(platform::apparent_size(folder, &stop));
    bytes += size.bytes;
    if (bytes <= volume_gb * kGigabyte) continue;
    return fail(kClientError,
                "the job's files come to " + std::to_string(bytes) +
                    " bytes or more, holes of sparse files included, and VolumeSizeInGB is " +
                    std::to_string(volume_gb) + ". The largest is " + size.largest + " (" +
                    std::to_string(size.largest_bytes) +
                    " bytes). Write less below /opt/ml, or raise VolumeSizeInGB.");
  }
  return {};
}

}  // namespace

Result<std::string> upload_artifacts(s3::S3Interface& s3, const TrainingJob& job,
                                     const JobFolder& folder, bool with_model,
                                     platform::StopCheck& stop) {
  const std::string model = platform::path_without_links(folder.ml(), "model");
  const std::string output = platform::path_without_links(folder.ml(), "output");
  const std::string data = platform::path_without_links(folder.ml(), "output/data");
  const std::string checkpoints =
      job.request.checkpoint_config
          ? platform::path_without_links(folder.ml(), checkpoint_folder(job))
          : "";
  const std::vector<std::string> uploaded = {with_model ? model : "", output, checkpoints};
  TRY(check_depths(folder, uploaded, stop));
  TRY(check_volume(job, uploaded, stop));
  std::string model_uri;
  if (with_model && fs::is_directory(model))
    model_uri = TRY(upload_folder(s3, job, folder, "model", model, stop));
  if (!data.empty() && has_files(data)) TRY(upload_folder(s3, job, folder, "output", output, stop));
  if (!checkpoints.empty() && fs::is_directory(checkpoints)) {
    const S3Uri target = TRY(parse_s3_uri(job.request.checkpoint_config->s3_uri));
    TRY(upload_files(s3, job, checkpoints, target));
  }
  return model_uri;
}

}  // namespace tidemill::services::sagemaker::jobs
