#include "services/sagemaker/jobs/training_job/channels.h"

#include <algorithm>
#include <filesystem>

#include "base/json.h"
#include "services/sagemaker/common/s3_uri.h"

namespace tidemill::services::sagemaker::jobs {

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kManifestBytesMax = 64u << 20;

bool is_missing(const Error& error) {
  return error.code == "NoSuchBucket" || error.code == "NoSuchKey" || error.code == "AccessDenied";
}

Error missing_data(const TrainingJob& job, const std::string& uri, const std::string& bucket,
                   const std::string& detail) {
  return Error{kClientError,
               "ClientError: Data download failed: No S3 objects found under S3 URL \"" + uri +
                   "\" given in input data source. Please ensure that the bucket exists in the "
                   "selected region (" +
                   job.region + "), that objects exist under that S3 prefix, and that the role \"" +
                   job.request.role_arn + "\" has \"s3:ListBucket\" permissions on bucket \"" +
                   bucket + "\"." + (detail.empty() ? "" : " Error message from S3: " + detail)};
}

// The arguments of every download below.
struct Download {
  s3::S3Interface& s3;
  const TrainingJob& job;
  const std::function<bool()>& stopped;
};

Result<void> download(const Download& on, const std::string& bucket, const std::string& key,
                      const fs::path& path) {
  if (on.stopped()) return fail(codes::kCancelled, "the training job was stopped");
  constexpr std::size_t kFileNameBytesMax = 255;
  if (std::ranges::any_of(
          path, [](const fs::path& part) { return part.native().size() > kFileNameBytesMax; }))
    return fail(kClientError, "ClientError: Data download failed: s3://" + bucket + "/" + key +
                                  " has a part that is too long for the name of a file");
  std::error_code problem;
  fs::create_directories(path.parent_path(), problem);
  if (problem) {
    // "a" and "a/b" are both keys; a file system has no place for both.
    return fail(kClientError,
                "ClientError: Data download failed: s3://" + bucket + "/" + key +
                    " needs a folder where another object is a file: " + problem.message());
  }
  Result<s3::ObjectInfo> got = on.s3.get_object_to_file(on.job.account, bucket, key, path);
  if (!got && got.error().code == "AccessDenied")
    return fail(kClientError, "ClientError: Data download failed: Unable to download object s3://" +
                                  bucket + "/" + key + " (AccessDenied: " + got.error().message +
                                  ")");
  if (!got && is_missing(got.error()))
    return fail(missing_data(on.job, "s3://" + bucket + "/" + key, bucket, got.error().message));
  if (!got) return fail(got.error());
  return {};
}

// Returns the number of objects.
Result<std::size_t> download_prefix(const Download& on, const S3Uri& uri, const fs::path& folder) {
  std::size_t count = 0;
  std::string after;
  do {
    Result<s3::ObjectPage> page = on.s3.list_objects(on.job.account, uri.bucket, uri.key, after);
    if (!page && is_missing(page.error()))
      return fail(missing_data(on.job, uri.text(), uri.bucket, page.error().message));
    if (!page) return fail(page.error());
    for (const s3::ObjectInfo& object : page->objects) {
      ++count;
      if (std::optional<std::string> path = path_in_channel(uri.key, object.key))
        TRY(download(on, uri.bucket, object.key, folder / *path));
    }
    after = page->next;
  } while (!after.empty());
  return count;
}

Result<void> download_manifest(const Download& on, const S3Uri& uri, const fs::path& folder) {
  Result<s3::ObjectBody> body = on.s3.get_object(on.job.account, uri.bucket, uri.key);
  if (!body && is_missing(body.error()))
    return fail(missing_data(on.job, uri.text(), uri.bucket, body.error().message));
  if (!body) return fail(body.error());
  const std::string text = TRY(read_all(*body->bytes, kManifestBytesMax));
  Result<Manifest> manifest = parse_manifest(text);
  if (!manifest)
    return fail(kClientError, "ClientError: Data download failed: the manifest " + uri.text() +
                                  " cannot be read: " + manifest.error().message);
  for (const std::string& name : manifest->names) {
    const std::optional<std::string> path = path_in_channel("", name);
    if (!path)
      return fail(kClientError, "ClientError: Data download failed: the manifest " + uri.text() +
                                    " names '" + name + "', which is no file below a folder");
    TRY(download(on, manifest->bucket, manifest->prefix + name, folder / *path));
  }
  return {};
}

}  // namespace

std::optional<std::string> path_in_channel(std::string_view prefix, std::string_view key) {
  std::string_view rest = key;
  if (key.size() > prefix.size() && (prefix.ends_with('/') || key[prefix.size()] == '/')) {
    rest.remove_prefix(prefix.size());
  } else {
    const std::size_t slash = prefix.rfind('/');
    rest.remove_prefix(slash == prefix.npos ? 0 : slash + 1);
  }
  while (rest.starts_with('/')) rest.remove_prefix(1);
  if (rest.empty() || rest.ends_with('/') || rest.contains('\0')) return {};
  for (const fs::path& part : fs::path(rest))
    if (part == ".." || part == ".") return {};
  return std::string(rest);
}

Result<Manifest> parse_manifest(std::string_view text) {
  Value value = TRY(parse_json(text));
  const ValueList* list = value.as_list();
  if (!list || list->empty()) return fail(codes::kInvalid, "it is no JSON list with entries");
  const Value* prefix = list->front().find("prefix");
  if (!prefix || !prefix->as_string())
    return fail(codes::kInvalid, "its first entry is not {\"prefix\": \"s3://...\"}");
  const S3Uri uri = TRY(parse_s3_uri(*prefix->as_string()));
  Manifest manifest{uri.bucket, uri.key, {}};
  for (std::size_t i = 1; i < list->size(); ++i) {
    const std::string* name = (*list)[i].as_string();
    if (!name) return fail(codes::kInvalid, "its entry " + std::to_string(i) + " is no string");
    manifest.names.push_back(*name);
  }
  return manifest;
}

Result<void> download_channels(s3::S3Interface& s3, const TrainingJob& job, const JobFolder& folder,
                               const std::function<bool()>& stopped) {
  if (!job.request.input_data_config) return {};
  const Download on{s3, job, stopped};
  for (const auto& channel : *job.request.input_data_config) {
    const auto& source = *channel.data_source->s3_data_source;
    const S3Uri uri = TRY(parse_s3_uri(source.s3_uri));
    const fs::path target = folder.channel(channel.channel_name);
    if (source.s3_data_type == api::sagemaker::s3_data_type::kManifestFile) {
      TRY(download_manifest(on, uri, target));
    } else if (TRY(download_prefix(on, uri, target)) == 0) {
      return fail(missing_data(job, uri.text(), uri.bucket, ""));
    }
  }
  return {};
}

Result<void> restore_checkpoints(s3::S3Interface& s3, const TrainingJob& job,
                                 const JobFolder& folder, const std::function<bool()>& stopped) {
  if (!job.request.checkpoint_config) return {};
  S3Uri uri = TRY(parse_s3_uri(job.request.checkpoint_config->s3_uri));
  if (!uri.key.empty() && !uri.key.ends_with('/')) uri.key += '/';
  TRY(download_prefix({s3, job, stopped}, uri, fs::path(folder.ml()) / checkpoint_folder(job)));
  return {};
}

}  // namespace tidemill::services::sagemaker::jobs
