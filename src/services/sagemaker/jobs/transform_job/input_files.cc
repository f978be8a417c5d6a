#include "services/sagemaker/jobs/transform_job/input_files.h"

#include "services/sagemaker/common/s3_uri.h"
#include "services/sagemaker/jobs/training_job/channels.h"

namespace tidemill::services::sagemaker::jobs {

namespace {

constexpr std::uint64_t kManifestBytesMax = 64u << 20;
// Rows a transaction.
constexpr std::int64_t kRowsTogether = 500;
constexpr const char* kOutputSuffix = ".out";

const api::sagemaker::TransformS3DataSource& source_of(const TransformJob& job) {
  return *job.request.transform_input->data_source->s3_data_source;
}

bool is_missing(const Error& error) {
  return error.code == "NoSuchBucket" || error.code == "NoSuchKey" || error.code == "AccessDenied";
}

std::string nothing_found(const TransformJob& job, const S3Uri& uri, const std::string& detail) {
  return "No S3 objects found under S3 URL \"" + uri.text() +
         "\" given in input data source. Please ensure that the bucket exists in the selected "
         "region (" +
         job.region + "), that objects exist under that S3 prefix, and that the role \"" +
         job.role_arn + "\" has \"s3:ListBucket\" permissions on bucket \"" + uri.bucket + "\"." +
         (detail.empty() ? "" : " Error message from S3: " + detail);
}

std::unexpected<Error> client_error(const std::string& message) {
  return fail(kClientError, "ClientError: " + message);
}

Result<void> list_prefix(s3::S3Interface& s3, const TransformJob& job, const S3Uri& uri,
                         const std::function<Result<void>(TransformFile)>& take) {
  std::string after;
  do {
    Result<s3::ObjectPage> page = s3.list_objects(job.account, uri.bucket, uri.key, after);
    if (!page && is_missing(page.error()))
      return client_error(nothing_found(job, uri, page.error().message));
    if (!page) return fail(page.error());
    for (const s3::ObjectInfo& object : page->objects) {
      std::optional<std::string> name = path_in_channel(uri.key, object.key);
      if (!name) continue;  // a folder's marker
      TransformFile file;
      file.bucket = uri.bucket;
      file.key = object.key;
      file.output_name = *name + kOutputSuffix;
      file.size_bytes = std::int64_t(object.size_bytes);
      TRY(take(std::move(file)));
    }
    after = page->next;
  } while (!after.empty());
  return {};
}

Result<void> list_manifest(s3::S3Interface& s3, const TransformJob& job, const S3Uri& uri,
                           const std::function<Result<void>(TransformFile)>& take) {
  Result<s3::ObjectBody> body = s3.get_object(job.account, uri.bucket, uri.key);
  if (!body && is_missing(body.error()))
    return client_error("The manifest " + uri.text() + " cannot be read: " + body.error().message);
  if (!body) return fail(body.error());
  Result<std::string> text = read_all(*body->bytes, kManifestBytesMax);
  if (!text && text.error().code != codes::kOverloaded) return fail(text.error());
  if (!text) return client_error("The manifest " + uri.text() + " is larger than 64 MiB.");
  Result<Manifest> manifest = parse_manifest(*text);
  if (!manifest)
    return client_error("The manifest " + uri.text() +
                        " cannot be read: " + manifest.error().message);
  for (const std::string& name : manifest->names) {
    const std::optional<std::string> path = path_in_channel("", name);
    if (!path)
      return client_error("The manifest " + uri.text() + " names '" + name +
                          "', which is no object below a prefix.");
    TransformFile file;
    file.bucket = manifest->bucket;
    file.key = manifest->prefix + name;
    file.output_name = *path + kOutputSuffix;
    TRY(take(std::move(file)));
  }
  return {};
}

}  // namespace

Result<void> list_input_files(s3::S3Interface& s3, const TransformJob& job,
                              const std::function<Result<void>(TransformFile)>& take) {
  const S3Uri uri = TRY(parse_s3_uri(source_of(job).s3_uri));
  if (source_of(job).s3_data_type == api::sagemaker::s3_data_type::kManifestFile)
    return list_manifest(s3, job, uri, take);
  return list_prefix(s3, job, uri, take);
}

Result<void> check_input_exists(s3::S3Interface& s3, const TransformJob& job) {
  const S3Uri uri = TRY(parse_s3_uri(source_of(job).s3_uri));
  Result<s3::ObjectPage> page = s3.list_objects(job.account, uri.bucket, uri.key, "", 1);
  if (!page && !is_missing(page.error())) return fail(page.error());
  if (!page || page->objects.empty())
    return fail("ValidationException", nothing_found(job, uri, page ? "" : page.error().message));
  return {};
}

Result<std::int64_t> plan_input_files(store::Store& store, s3::S3Interface& s3,
                                      const TransformJob& job) {
  TRY(forget_input_files(store, job));
  std::int64_t count = 0;
  store::Transaction rows;
  TRY(list_input_files(s3, job, [&](TransformFile file) -> Result<void> {
    if (count == kInputFilesMax)
      return client_error("The input has more than " + std::to_string(kInputFilesMax) +
                          " files; split the prefix into several jobs.");
    transform_files().put(rows, transform_file_key(job, count), file, std::nullopt);
    if (++count % kRowsTogether != 0) return {};
    return store.commit(std::exchange(rows, {}));
  }));
  if (!rows.empty()) TRY(store.commit(std::move(rows)));
  if (count == 0)
    return client_error(nothing_found(job, TRY(parse_s3_uri(source_of(job).s3_uri)), ""));
  return count;
}

Result<void> forget_input_files(store::Store& store, const TransformJob& job) {
  for (;;) {
    store::Scan scan;
    scan.table = transform_files().name();
    scan.prefix = transform_files_prefix(job);
    scan.limit = std::size_t(kRowsTogether);
    store::Page page = TRY(store.scan(scan));
    if (page.rows.empty()) return {};
    store::Transaction transaction;
    for (const store::Row& row : page.rows) transaction.erase(scan.table, row.key, std::nullopt);
    TRY(store.commit(std::move(transaction)));
  }
}

}  // namespace tidemill::services::sagemaker::jobs
