// Which operations CloudTrail records, and as what kind of event.
#pragma once

#include <string_view>

#include "base/schema.h"

namespace tidemill::services::cloudtrail {

struct OperationKind {
  // The operation changes nothing (CloudTrail's readOnly).
  bool read_only = false;
  // Recorded although it only reads, since it gives out credentials.
  bool gives_credentials = false;
  // "AWS::S3::Object" for data events, which are recorded only where a trail selects them; empty
  // for management events.
  // https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-data-events-with-cloudtrail.html
  std::string_view data_type = {};
};

// OperationKind::data_type alone, which is cheaper.
std::string_view data_type_of(const schema::Service& service, const schema::Operation& operation);
OperationKind kind_of(const schema::Service& service, const schema::Operation& operation);
// IAM and STS: their events belong to us-east-1, whichever region the caller addressed.
bool is_global(const schema::Service& service);

}  // namespace tidemill::services::cloudtrail
