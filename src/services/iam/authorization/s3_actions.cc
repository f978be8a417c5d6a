#include "services/iam/authorization/s3_actions.h"

#include <algorithm>

#include "base/encoding.h"

namespace tidemill::services::iam {
namespace {

enum class On { everything, bucket, object };

struct Mapping {
  std::string_view operation;
  std::string_view action;
  On on;
};
// Operations that are not here need the action of their own name: on the object when the input has
// a key, else on the bucket.
constexpr Mapping kMappings[] = {
    {"ListBuckets", "ListAllMyBuckets", On::everything},
    {"HeadBucket", "ListBucket", On::bucket},
    {"ListObjects", "ListBucket", On::bucket},
    {"ListObjectsV2", "ListBucket", On::bucket},
    {"ListObjectVersions", "ListBucketVersions", On::bucket},
    {"ListMultipartUploads", "ListBucketMultipartUploads", On::bucket},
    {"DeleteBucketTagging", "PutBucketTagging", On::bucket},
    {"GetBucketEncryption", "GetEncryptionConfiguration", On::bucket},
    {"PutBucketEncryption", "PutEncryptionConfiguration", On::bucket},
    {"DeleteBucketEncryption", "PutEncryptionConfiguration", On::bucket},
    {"GetPublicAccessBlock", "GetBucketPublicAccessBlock", On::bucket},
    {"PutPublicAccessBlock", "PutBucketPublicAccessBlock", On::bucket},
    {"DeletePublicAccessBlock", "PutBucketPublicAccessBlock", On::bucket},
    {"GetBucketCors", "GetBucketCORS", On::bucket},
    {"PutBucketCors", "PutBucketCORS", On::bucket},
    {"DeleteBucketCors", "PutBucketCORS", On::bucket},
    {"DeleteBucketOwnershipControls", "PutBucketOwnershipControls", On::bucket},
    {"GetBucketLifecycleConfiguration", "GetLifecycleConfiguration", On::bucket},
    {"PutBucketLifecycleConfiguration", "PutLifecycleConfiguration", On::bucket},
    {"DeleteBucketLifecycle", "PutLifecycleConfiguration", On::bucket},
    {"GetBucketNotificationConfiguration", "GetBucketNotification", On::bucket},
    {"PutBucketNotificationConfiguration", "PutBucketNotification", On::bucket},
    {"HeadObject", "GetObject", On::object},
    {"GetObjectAttributes", "GetObject", On::object},
    {"CopyObject", "PutObject", On::object},
    {"CreateMultipartUpload", "PutObject", On::object},
    {"UploadPart", "PutObject", On::object},
    {"UploadPartCopy", "PutObject", On::object},
    {"CompleteMultipartUpload", "PutObject", On::object},
    {"ListParts", "ListMultipartUploadParts", On::object},
};

std::string text_member(const Value& input, std::string_view name) {
  const Value* value = input.find(name);
  return value && value->as_string() ? *value->as_string() : std::string();
}

std::string bucket_arn(const Value& input) {
  return "arn:aws:s3:::" + text_member(input, "Bucket");
}
std::string object_arn(const Value& input, const std::string& key) {
  return bucket_arn(input) + "/" + key;
}

// Reading, tagging or deleting a version that the caller names is another action.
std::string versioned(std::string action, const Value& input) {
  constexpr std::string_view kHaveVersions[] = {
      "GetObject",        "DeleteObject",     "GetObjectAcl",       "PutObjectAcl",
      "GetObjectTagging", "PutObjectTagging", "DeleteObjectTagging"};
  if (text_member(input, "VersionId").empty() ||
      std::ranges::find(kHaveVersions, action) == std::end(kHaveVersions))
    return action;
  constexpr std::string_view kObject = "Object";
  return action.insert(action.find(kObject) + kObject.size(), "Version");
}

// CopySource: "bucket/key", percent-encoded, perhaps with a slash before and a version after.
void add_copy_source(const Value& input, std::vector<RequiredAction>& out) {
  std::string source = text_member(input, "CopySource");
  if (source.empty()) return;
  const std::size_t mark = source.find("?versionId=");
  const bool version = mark != std::string::npos;
  if (version) source.resize(mark);
  Result<std::string> decoded = percent_decode(source);
  std::string path = decoded ? *std::move(decoded) : source;
  if (path.starts_with('/')) path.erase(0, 1);
  out.push_back({version ? "s3:GetObjectVersion" : "s3:GetObject", "arn:aws:s3:::" + path});
}

std::vector<RequiredAction> delete_objects(const Value& input) {
  std::vector<RequiredAction> out;
  const Value* request = input.find("Delete");
  const Value* objects = request ? request->find("Objects") : nullptr;
  if (!objects || !objects->as_list()) return out;
  for (const Value& object : *objects->as_list())
    out.push_back(
        {"s3:" + versioned("DeleteObject", object), object_arn(input, text_member(object, "Key"))});
  return out;
}

}  // namespace

std::vector<RequiredAction> s3_actions(std::string_view operation, const Value& input) {
  if (operation == "DeleteObjects") return delete_objects(input);
  const std::string key = text_member(input, "Key");
  Mapping mapping{operation, operation, key.empty() ? On::bucket : On::object};
  for (const Mapping& entry : kMappings)
    if (entry.operation == operation) mapping = entry;

  RequiredAction required;
  required.action = "s3:" + versioned(std::string(mapping.action), input);
  required.resource = mapping.on == On::everything ? "*"
                      : mapping.on == On::bucket   ? bucket_arn(input)
                                                   : object_arn(input, key);
  if (mapping.action == "ListBucket" || mapping.action == "ListBucketVersions")
    for (const auto& [member, condition] :
         {std::pair("Prefix", "s3:prefix"), std::pair("Delimiter", "s3:delimiter")})
      if (input.find(member)) required.conditions[condition] = {text_member(input, member)};

  std::vector<RequiredAction> out{std::move(required)};
  add_copy_source(input, out);
  // Both may be given with the object itself.
  const bool writes = mapping.action == "PutObject";
  if (writes && !text_member(input, "Tagging").empty())
    out.push_back({"s3:PutObjectTagging", object_arn(input, key)});
  if (writes && !text_member(input, "ACL").empty())
    out.push_back({"s3:PutObjectAcl", object_arn(input, key)});
  return out;
}

}  // namespace tidemill::services::iam
