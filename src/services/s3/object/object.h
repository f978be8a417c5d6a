// The operations on one object.
#pragma once

#include "api/s3/object.h"
#include "services/s3/common/core.h"
#include "services/s3/object/range.h"

namespace tidemill::services::s3 {

namespace model = tidemill::api::s3;

Result<model::PutObjectOutput> put_object(Core&, Context&, const model::PutObjectRequest&);
Result<model::GetObjectOutput> get_object(Core&, Context&, const model::GetObjectRequest&);
Result<model::HeadObjectOutput> head_object(Core&, Context&, const model::HeadObjectRequest&);
Result<model::CopyObjectOutput> copy_object(Core&, Context&, const model::CopyObjectRequest&);
Result<model::DeleteObjectOutput> delete_object(Core&, Context&, const model::DeleteObjectRequest&);
Result<model::DeleteObjectsOutput> delete_objects(Core&, Context&,
                                                  const model::DeleteObjectsRequest&);
Result<model::GetObjectAttributesOutput> get_object_attributes(
    Core&, Context&, const model::GetObjectAttributesRequest&);

// Where a copy comes from: "/bucket/key", percent-encoded, perhaps with "?versionId=...".
struct CopySource {
  std::string bucket;
  std::string key;
  std::optional<std::string> version_id;
};
Result<CopySource> parse_copy_source(std::string_view header);

// The object or version that a request is about, or the error of its absence. What delete markers
// have to do with that goes into the response's headers. NoSuchKey, NoSuchVersion,
// MethodNotAllowed.
Result<StoredObjectPtr> require_object(Core& core, Context& context, const Bucket& bucket,
                                       std::string_view key,
                                       const std::optional<std::string>& version_id);
// The same for one that was looked up already.
Result<void> refuse_delete_marker(Context& context, const Bucket& bucket,
                                  const ObjectRecord& object);
Error describe_absence(Core& core, Context& context, const Bucket& bucket, std::string_view key,
                       Error error);

// An object with its bytes opened. When the object is replaced between the two, it is read again.
struct OpenedObject {
  StoredObjectPtr object;
  std::unique_ptr<ByteSource> bytes;
};
// `choose` names the range of the record that was found, which may be a delete marker when a
// version is asked for; its errors are the result.
Result<OpenedObject> open_version(
    Core& core, const Bucket& bucket, std::string_view key,
    const std::optional<std::string>& version_id,
    const std::function<Result<ByteRange>(const ObjectRecord&)>& choose);

// The same for the source of a copy: InvalidRequest for a delete marker.
Result<OpenedObject> open_copy_source(
    Core& core, const Bucket& bucket, const CopySource& source,
    const std::function<Result<ByteRange>(const ObjectRecord&)>& choose);

void add_object_operations(Registry& registry, Core& core);
// Tags and ACL: tagging.cc.
void add_object_tagging_operations(Registry& registry, Core& core);
// RestoreObject: storage_class.cc.
void add_storage_class_operations(Registry& registry, Core& core);

}  // namespace tidemill::services::s3
