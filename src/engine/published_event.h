// An event for other parts of the product: "this training job has ended", with EventBridge's
// source, detail type and detail. engine/outbox.h describes its delivery.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/describe.h"
#include "base/value.h"

namespace tidemill::engine {

struct PublishedEvent {
  std::string source;       // "aws.sagemaker"
  std::string detail_type;  // "SageMaker Training Job State Change"
  std::string subject;      // ARN of the event's subject
  std::string account, region;
  Timestamp time;
  Value detail;
  std::string id = {};  // a UUID; publish() makes one
};
BOOST_DESCRIBE_STRUCT(PublishedEvent, (),
                      (source, detail_type, subject, account, region, time, detail, id))

// Size limit of its text in the store. AWS's PutEvents takes entries of up to 256 KiB.
inline constexpr std::size_t kEventBytesMax = 256u << 10;

}  // namespace tidemill::engine
