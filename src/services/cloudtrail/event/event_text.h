// A call as a CloudTrail event.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/random.h"
#include "base/schema.h"
#include "base/value.h"
#include "services/platform/audit/resource_names.h"
#include "services/platform/dispatcher/dispatcher.h"

namespace tidemill::services::cloudtrail {

inline constexpr std::string_view kEventVersion = "1.11";
// Larger parameters and answers are left out of an event, like CloudTrail does.
inline constexpr std::size_t kParametersBytesMax = 100u << 10;
inline constexpr std::size_t kErrorMessageBytesMax = 1024;
inline constexpr std::size_t kUserAgentBytesMax = 1024;
// The limit of requestParameters when a caller without credentials is refused.
inline constexpr std::size_t kStrangersParametersBytesMax = 1024;
inline constexpr std::string_view kHidden = "HIDDEN_DUE_TO_SECURITY_REASONS";

// Members under their names in events: "TrainingJobName" -> "trainingJobName", S3's "Bucket" ->
// "bucketName". Secrets are replaced by kHidden, streams left out, times are ISO 8601. Null when
// there is nothing, or more than kParametersBytesMax (then an object that says so).
Value event_members(const schema::Service& service, const schema::Shape* shape, const Value& value);

// The members, or an object that says that they are larger than this.
Value members_within(std::size_t bytes_max, Value members);

struct EventFacts {
  const platform::Call& call;
  std::string_view home_region;  // of events of global services
  const Result<Value>& result;
  const Value& parameters;                    // event_members() of the input
  const std::vector<std::string>& resources;  // ARNs
  bool read_only = false;
  std::string_view data_type = {};  // empty: a management event
  platform::SessionFacts session = {};
  std::string_view recipient = {};  // the account; empty: the caller's
};

// The region that the event belongs to.
std::string event_region(const platform::Call& call, std::string_view home_region);
Value make_event(const EventFacts& facts, Random& random);

// "AWS::SageMaker::Endpoint" for "arn:aws:sagemaker:us-east-1:1:endpoint/e"; empty for what has no
// known type.
std::string resource_type(std::string_view arn);
// "e"
std::string resource_name(std::string_view arn);
// The name that LookupEvents shows and searches: "root", a user's name, a session's name.
std::string user_name(std::string_view principal_arn);

// Whether the error is a refusal by policies, whatever the service calls it.
bool is_denial(const Error& error);

}  // namespace tidemill::services::cloudtrail
