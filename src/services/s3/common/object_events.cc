#include "services/s3/common/object_events.h"

#include <cstdio>

namespace tidemill::services::s3 {

namespace {

// Later events about a key compare greater, as S3's sequencers do.
std::string sequencer(Timestamp time) {
  char text[24];
  std::snprintf(text, sizeof text, "%018llX", static_cast<unsigned long long>(time.microseconds));
  return text;
}

engine::PublishedEvent event_of(const Bucket& bucket, const char* detail_type, Timestamp time,
                                ValueObject object, std::string_view reason) {
  ValueObject name;
  name.append("name", bucket.name);
  object.append("sequencer", sequencer(time));
  ValueObject detail;
  detail.append("version", "0");
  detail.append("bucket", std::move(name));
  detail.append("object", std::move(object));
  detail.append("requester", bucket.account);
  detail.append("reason", reason);
  return {.source = std::string(kEventSource),
          .detail_type = detail_type,
          .subject = "arn:aws:s3:::" + bucket.name,
          .account = bucket.account,
          .region = bucket.region,
          .time = time,
          .detail = std::move(detail)};
}

}  // namespace

Result<void> publish_created(const engine::Outbox& outbox, store::Transaction& transaction,
                             const Bucket& bucket, std::string_view key, const ObjectRecord& object,
                             std::string_view reason) {
  if (reason == created_by::kNobody || !outbox.wanted(kEventSource)) return {};
  ValueObject about;
  about.append("key", key);
  about.append("size", object.size);
  about.append("etag", object.etag);
  if (auto version_id = version_of(bucket, object)) about.append("version-id", *version_id);
  return outbox.publish(
      transaction, event_of(bucket, "Object Created", object.modified, std::move(about), reason));
}

Result<void> publish_deleted(const engine::Outbox& outbox, store::Transaction& transaction,
                             const Bucket& bucket, std::string_view key, const Deleted& deleted,
                             Timestamp now) {
  if (!outbox.wanted(kEventSource)) return {};
  ValueObject about;
  about.append("key", key);
  if (deleted.version_id) about.append("version-id", *deleted.version_id);
  engine::PublishedEvent event =
      event_of(bucket, "Object Deleted", now, std::move(about), "DeleteObject");
  event.detail.as_object()->append(
      "deletion-type", deleted.marker_made ? "Delete Marker Created" : "Permanently Deleted");
  return outbox.publish(transaction, std::move(event));
}

}  // namespace tidemill::services::s3
