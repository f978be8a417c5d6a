// An event that other parts of the product read: "this training job has ended". What EventBridge
// calls source, detail type and detail; engine/outbox.h says how it travels.
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
  std::string subject;      // ARN of what it is about
  std::string account, region;
  Timestamp time;
  Value detail;
  std::string id = {};  // a UUID; publish() makes one
};
BOOST_DESCRIBE_STRUCT(PublishedEvent, (),
                      (source, detail_type, subject, account, region, time, detail, id))

// As text in the store. PutEvents of AWS takes entries of up to 256 KiB.
inline constexpr std::size_t kEventBytesMax = 256u << 10;

}  // namespace tidemill::engine
