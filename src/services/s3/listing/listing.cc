#include "services/s3/listing/listing.h"

#include "base/encoding.h"
#include "services/s3/common/acl.h"
#include "services/s3/common/register.h"
#include "services/s3/common/times.h"
#include "services/s3/common/version_id.h"
#include "services/s3/listing/lister.h"
#include "services/s3/listing/version_lister.h"

namespace tidemill::services::s3 {

namespace {

// Object and ObjectVersion have these members in common.
template <class Entry>
Entry describe(const std::string& key, const ObjectRecord& object, const KeyEncoding& encode) {
  Entry entry;
  entry.key = encode(key);
  entry.last_modified = whole_seconds(object.modified);
  entry.etag = '"' + object.etag + '"';
  entry.size = std::int64_t(object.size);
  entry.storage_class = object.storage_class.value_or("STANDARD");
  if (object.checksum) {
    entry.checksum_algorithm = std::vector<std::string>{object.checksum->algorithm};
    entry.checksum_type = object.checksum->type;
  }
  return entry;
}

std::vector<model::CommonPrefix> describe_prefixes(const std::vector<std::string>& listed,
                                                   const KeyEncoding& encode) {
  std::vector<model::CommonPrefix> prefixes;
  prefixes.reserve(listed.size());
  for (const std::string& prefix : listed) prefixes.push_back({encode(prefix)});
  return prefixes;
}

// Fills in what all three responses repeat of the request, and the prefixes.
template <class Request, class Listed, class Output>
void describe_listing(const Request& request, const Listed& listed, const KeyEncoding& encode,
                      std::int64_t count_max, Output& output) {
  output.name = request.bucket;
  output.prefix = encode(request.prefix.value_or(""));
  if (request.delimiter && !request.delimiter->empty())
    output.delimiter = encode(*request.delimiter);
  output.encoding_type = encode.type();
  output.max_keys = count_max;
  output.is_truncated = listed.truncated;
  if (!listed.common_prefixes.empty())
    output.common_prefixes = describe_prefixes(listed.common_prefixes, encode);
}

void add_versions(const VersionListResult& listed, const KeyEncoding& encode, const Bucket& bucket,
                  model::ListObjectVersionsOutput& output) {
  std::vector<model::ObjectVersion> versions;
  std::vector<model::DeleteMarkerEntry> markers;
  // The times are exact: the order in which both are mixed comes from them.
  auto describe_version = [&](const VersionEntry& entry, auto& described) {
    described.version_id = entry.version.version_id.value_or(std::string(kNullVersion));
    described.is_latest = entry.latest;
    described.owner.ensure() = owner_of(owner_account(entry.version, bucket));
  };
  for (const VersionEntry& entry : listed.versions) {
    if (entry.version.is_delete_marker()) {
      model::DeleteMarkerEntry& marker = markers.emplace_back();
      marker.key = encode(entry.key);
      marker.last_modified = entry.version.modified;
      describe_version(entry, marker);
    } else {
      versions.push_back(describe<model::ObjectVersion>(entry.key, entry.version, encode));
      describe_version(entry, versions.back());
      versions.back().last_modified = entry.version.modified;
    }
  }
  if (!versions.empty()) output.versions = std::move(versions);
  if (!markers.empty()) output.delete_markers = std::move(markers);
}

template <class Request>
ListQuery query_of(const Request& request, std::string after, std::int64_t count_max) {
  return {request.bucket, request.prefix.value_or(""), request.delimiter.value_or(""),
          std::move(after), count_max};
}

}  // namespace

Result<model::ListObjectsOutput> list_objects(Core& core, Context& context,
                                              const model::ListObjectsRequest& request) {
  auto bucket =
      TRY(core.buckets.require(context.account(), request.bucket, request.expected_bucket_owner));
  std::int64_t count_max = TRY(page_size(request.max_keys, "maxKeys"));
  KeyEncoding encode = TRY(KeyEncoding::make(request.encoding_type));
  ListResult listed =
      TRY(list_keys(core, query_of(request, request.marker.value_or(""), count_max)));
  encode.cover(listed);
  model::ListObjectsOutput output;
  context.response_headers["x-amz-bucket-region"] = bucket->region;
  describe_listing(request, listed, encode, count_max, output);
  output.marker = encode(request.marker.value_or(""));
  // Without a delimiter clients go on behind the last key they were given.
  if (listed.truncated && output.delimiter) output.next_marker = encode(listed.last);
  if (!listed.objects.empty()) {
    auto& contents = output.contents.emplace();
    for (const ListEntry& entry : listed.objects) {
      contents.push_back(describe<model::Object>(entry.key, entry.object, encode));
      contents.back().owner.ensure() = owner_of(owner_account(entry.object, *bucket));
    }
  }
  return output;
}

Result<model::ListObjectsV2Output> list_objects_v2(Core& core, Context& context,
                                                   const model::ListObjectsV2Request& request) {
  auto bucket =
      TRY(core.buckets.require(context.account(), request.bucket, request.expected_bucket_owner));
  std::int64_t count_max = TRY(page_size(request.max_keys, "maxKeys"));
  KeyEncoding encode = TRY(KeyEncoding::make(request.encoding_type));
  std::string after = request.start_after.value_or("");
  if (request.continuation_token) {
    Result<std::string> decoded = decode_base64(*request.continuation_token);
    if (!decoded || decoded->empty())
      return fail(invalid_argument("The continuation token provided is incorrect",
                                   "continuation-token", *request.continuation_token));
    after = std::move(*decoded);
  }
  ListResult listed = TRY(list_keys(core, query_of(request, std::move(after), count_max)));
  encode.cover(listed);
  model::ListObjectsV2Output output;
  context.response_headers["x-amz-bucket-region"] = bucket->region;
  describe_listing(request, listed, encode, count_max, output);
  output.key_count = std::int64_t(listed.objects.size() + listed.common_prefixes.size());
  output.continuation_token = request.continuation_token;
  if (request.start_after) output.start_after = encode(*request.start_after);
  if (listed.truncated) output.next_continuation_token = encode_base64(listed.last);
  if (!listed.objects.empty()) {
    auto& contents = output.contents.emplace();
    for (const ListEntry& entry : listed.objects) {
      contents.push_back(describe<model::Object>(entry.key, entry.object, encode));
      if (request.fetch_owner.value_or(false))
        contents.back().owner.ensure() = owner_of(owner_account(entry.object, *bucket));
    }
  }
  return output;
}

Result<model::ListObjectVersionsOutput> list_object_versions(
    Core& core, Context& context, const model::ListObjectVersionsRequest& request) {
  auto bucket =
      TRY(core.buckets.require(context.account(), request.bucket, request.expected_bucket_owner));
  std::int64_t count_max = TRY(page_size(request.max_keys, "max-keys"));
  KeyEncoding encode = TRY(KeyEncoding::make(request.encoding_type));
  const std::string key_marker = request.key_marker.value_or("");
  std::optional<std::string> version_id_marker = request.version_id_marker;
  if (version_id_marker && version_id_marker->empty()) {
    if (!key_marker.empty())
      return fail(
          invalid_argument("A version-id marker cannot be empty.", "version-id-marker", ""));
    version_id_marker.reset();
  }
  if (version_id_marker && key_marker.empty())
    return fail(invalid_argument("A version-id marker cannot be specified without a key marker.",
                                 "version-id-marker", *version_id_marker));
  if (!check_version_id(version_id_marker))
    return fail(
        invalid_argument("Invalid version id specified", "version-id-marker", *version_id_marker));
  VersionListResult listed = TRY(
      list_versions(core, *bucket,
                    {request.bucket, request.prefix.value_or(""), request.delimiter.value_or(""),
                     key_marker, version_id_marker, count_max}));
  for (const VersionEntry& entry : listed.versions) encode.cover(entry.key);
  for (const std::string& prefix : listed.common_prefixes) encode.cover(prefix);
  model::ListObjectVersionsOutput output;
  context.response_headers["x-amz-bucket-region"] = bucket->region;
  describe_listing(request, listed, encode, count_max, output);
  output.key_marker = encode(key_marker);
  output.version_id_marker = version_id_marker.value_or("");
  if (listed.truncated) {
    output.next_key_marker = encode(listed.last_key);
    output.next_version_id_marker = listed.last_version_id;
  }
  add_versions(listed, encode, *bucket, output);
  return output;
}

void add_listing_operations(Registry& registry, Core& core) {
  namespace op = model::operations;
  add<op::ListObjects>(registry, core, list_objects);
  add<op::ListObjectsV2>(registry, core, list_objects_v2);
  add<op::ListObjectVersions>(registry, core, list_object_versions);
}

}  // namespace tidemill::services::s3
