// Events about objects, in the shape in which S3 sends them to EventBridge.
#pragma once

#include <string_view>

#include "engine/outbox.h"
#include "services/s3/common/key_history.h"

namespace tidemill::services::s3 {

inline constexpr std::string_view kEventSource = "aws.s3";

// How an object came to be: EventBridge's detail.reason.
namespace created_by {
inline constexpr std::string_view kPut = "PutObject";
inline constexpr std::string_view kCopy = "CopyObject";
inline constexpr std::string_view kMultipart = "CompleteMultipartUpload";
// The same object with its bytes elsewhere: nothing is told.
inline constexpr std::string_view kNobody = "";
}  // namespace created_by

// "Object Created" and "Object Deleted". Without a reader of kEventSource they cost one look.
Result<void> publish_created(const engine::Outbox& outbox, store::Transaction& transaction,
                             const Bucket& bucket, std::string_view key, const ObjectRecord& object,
                             std::string_view reason);
Result<void> publish_deleted(const engine::Outbox& outbox, store::Transaction& transaction,
                             const Bucket& bucket, std::string_view key, const Deleted& deleted,
                             Timestamp now);

}  // namespace tidemill::services::s3
