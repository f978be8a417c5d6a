#include "services/iam/authorization/s3_actions.h"

#include <algorithm>

#include "base/encoding.h"

namespace tidemill::services::iam {
namespace {

constexpr std::string_view kVersionMark = "?versionId=";

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
    {"GetBucketAnalyticsConfiguration", "GetAnalyticsConfiguration", On::bucket},
    {"ListBucketAnalyticsConfigurations", "GetAnalyticsConfiguration", On::bucket},
    {"PutBucketAnalyticsConfiguration", "PutAnalyticsConfiguration", On::bucket},
    {"DeleteBucketAnalyticsConfiguration", "PutAnalyticsConfiguration", On::bucket},
    {"GetBucketIntelligentTieringConfiguration", "GetIntelligentTieringConfiguration", On::bucket},
    {"ListBucketIntelligentTieringConfigurations", "GetIntelligentTieringConfiguration",
     On::bucket},
    {"PutBucketIntelligentTieringConfiguration", "PutIntelligentTieringConfiguration", On::bucket},
    {"DeleteBucketIntelligentTieringConfiguration", "PutIntelligentTieringConfiguration",
     On::bucket},
    {"GetBucketInventoryConfiguration", "GetInventoryConfiguration", On::bucket},
    {"ListBucketInventoryConfigurations", "GetInventoryConfiguration", On::bucket},
    {"PutBucketInventoryConfiguration", "PutInventoryConfiguration", On::bucket},
    {"DeleteBucketInventoryConfiguration", "PutInventoryConfiguration", On::bucket},
    {"GetBucketMetricsConfiguration", "GetMetricsConfiguration", On::bucket},
    {"ListBucketMetricsConfigurations", "GetMetricsConfiguration", On::bucket},
    {"PutBucketMetricsConfiguration", "PutMetricsConfiguration", On::bucket},
    {"DeleteBucketMetricsConfiguration", "PutMetricsConfiguration", On::bucket},
    {"GetBucketReplication", "GetReplicationConfiguration", On::bucket},
    {"PutBucketReplication", "PutReplicationConfiguration", On::bucket},
    {"DeleteBucketReplication", "PutReplicationConfiguration", On::bucket},
    {"GetBucketAccelerateConfiguration", "GetAccelerateConfiguration", On::bucket},
    {"PutBucketAccelerateConfiguration", "PutAccelerateConfiguration", On::bucket},
    {"GetBucketLifecycle", "GetLifecycleConfiguration", On::bucket},
    {"PutBucketLifecycle", "PutLifecycleConfiguration", On::bucket},
    {"GetObjectLockConfiguration", "GetBucketObjectLockConfiguration", On::bucket},
    {"PutObjectLockConfiguration", "PutBucketObjectLockConfiguration", On::bucket},
    {"SelectObjectContent", "GetObject", On::object},
    {"HeadObject", "GetObject", On::object},
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
      "GetObject",        "DeleteObject",     "GetObjectAcl",        "PutObjectAcl",
      "GetObjectTagging", "PutObjectTagging", "DeleteObjectTagging", "GetObjectAttributes"};
  if (text_member(input, "VersionId").empty() ||
      std::ranges::find(kHaveVersions, action) == std::end(kHaveVersions))
    return action;
  constexpr std::string_view kObject = "Object";
  return action.insert(action.find(kObject) + kObject.size(), "Version");
}

// The keys of the request's own object say nothing of the source.
void add_copy_source(const Value& input, std::vector<RequiredAction>& out) {
  const std::string source = text_member(input, "CopySource");
  if (source.empty()) return;
  const bool version = source.find(kVersionMark) != std::string::npos;
  RequiredAction read{version ? "s3:GetObjectVersion" : "s3:GetObject",
                      "arn:aws:s3:::" + copy_source_path(source)};
  read.conditions["s3:VersionId"] = {};
  if (version)
    read.conditions["s3:VersionId"] = {
        source.substr(source.rfind(kVersionMark) + kVersionMark.size())};
  out.push_back(std::move(read));
}

// A canned access control list, or headers that grant.
bool names_acl(const Value& input) {
  constexpr std::string_view kMembers[] = {"ACL",          "GrantFullControl", "GrantRead",
                                           "GrantReadACP", "GrantWrite",       "GrantWriteACP"};
  return std::ranges::any_of(
      kMembers, [&](std::string_view member) { return !text_member(input, member).empty(); });
}

}  // namespace

std::string copy_source_path(std::string_view source) {
  source = source.substr(0, source.rfind(kVersionMark));
  std::string path = percent_decode(source).value_or(std::string(source));
  if (path.starts_with('/')) path.erase(0, 1);
  return path;
}

std::string s3_action(std::string_view operation) {
  for (const Mapping& entry : kMappings)
    if (entry.operation == operation) return std::string(entry.action);
  return std::string(operation);
}

std::vector<RequiredAction> s3_actions(std::string_view operation, const Value& input) {
  // AWS answers for each key: those that may not be deleted are among the answer's errors.
  if (operation == "DeleteObjects") return {};
  const std::string key = text_member(input, "Key");
  Mapping mapping{operation, operation, key.empty() ? On::bucket : On::object};
  for (const Mapping& entry : kMappings)
    if (entry.operation == operation) mapping = entry;

  RequiredAction required;
  required.action = "s3:" + versioned(std::string(mapping.action), input);
  required.resource = mapping.on == On::everything ? "*"
                      : mapping.on == On::bucket   ? bucket_arn(input)
                                                   : object_arn(input, key);
  std::vector<RequiredAction> out{std::move(required)};
  add_copy_source(input, out);
  if (operation == "GetObjectAttributes")
    out.push_back({"s3:" + versioned("GetObject", input), object_arn(input, key)});
  if (operation == "CreateBucket" && names_acl(input))
    out.push_back({"s3:PutBucketAcl", bucket_arn(input)});
  if (operation == "CreateBucket" && !text_member(input, "ObjectOwnership").empty())
    out.push_back({"s3:PutBucketOwnershipControls", bucket_arn(input)});
  // All of these may be given with the object itself.
  const bool writes = mapping.action == "PutObject";
  if (writes && !text_member(input, "Tagging").empty())
    out.push_back({"s3:PutObjectTagging", object_arn(input, key)});
  if (writes && !text_member(input, "ObjectLockMode").empty())
    out.push_back({"s3:PutObjectRetention", object_arn(input, key)});
  if (writes && !text_member(input, "ObjectLockLegalHoldStatus").empty())
    out.push_back({"s3:PutObjectLegalHold", object_arn(input, key)});
  if (writes && names_acl(input)) out.push_back({"s3:PutObjectAcl", object_arn(input, key)});
  return out;
}

}  // namespace tidemill::services::iam
