#include "services/cloudtrail/event/operation_kind.h"

#include <algorithm>
#include <array>

namespace tidemill::services::cloudtrail {
namespace {

// The first words of operations that change nothing.
constexpr std::array<std::string_view, 20> kReadingVerbs{
    "BatchGet", "Check",    "Count", "Decode", "Describe", "Detect",   "Estimate",
    "Filter",   "Get",      "Head",  "List",   "Lookup",   "Preview",  "Query",
    "Render",   "Retrieve", "Scan",  "Search", "Simulate", "Validate",
};

// KMS's operations that only use a key, by the beginning of their name.
constexpr std::array<std::string_view, 7> kKeyUses{
    "Decrypt", "DeriveSharedSecret", "Encrypt", "Generate", "ReEncrypt", "Sign", "Verify",
};

struct DataOperations {
  std::string_view service, prefix, type;
};
// Operations on what resources contain, by the prefix of their name.
constexpr std::array<DataOperations, 16> kDataOperations{{
    {"sagemaker-runtime", "", "AWS::SageMaker::Endpoint"},
    {"logs", "PutLogEvents", "AWS::Logs::LogStream"},
    {"cloudwatch", "PutMetricData", "AWS::CloudWatch::Metric"},
    {"cloudwatch", "GetMetric", "AWS::CloudWatch::Metric"},
    {"sqs", "SendMessage", "AWS::SQS::Queue"},
    {"sqs", "ReceiveMessage", "AWS::SQS::Queue"},
    {"sqs", "DeleteMessage", "AWS::SQS::Queue"},
    {"sqs", "ChangeMessageVisibility", "AWS::SQS::Queue"},
    {"sns", "Publish", "AWS::SNS::Topic"},
    {"lambda", "Invoke", "AWS::Lambda::Function"},
    {"events", "PutEvents", "AWS::Events::EventBus"},
    {"sagemaker-metrics", "", "AWS::SageMaker::ExperimentTrialComponent"},
    {"sagemaker-featurestore-runtime", "", "AWS::SageMaker::FeatureGroup"},
    {"kms", "GenerateRandom", "AWS::KMS::Key"},
    {"appconfigdata", "", "AWS::AppConfig::Configuration"},
    {"execute-api", "", "AWS::ApiGateway::Stage"},
}};

constexpr std::array<std::string_view, 7> kS3DataOperations{
    "DeleteObjects", "HeadBucket",    "ListMultipartUploads", "ListObjectVersions",
    "ListObjects",   "ListObjectsV2", "SelectObjectContent",
};

bool gives_credentials(const schema::Service& service, const schema::Operation& operation) {
  return service.name == "sts" &&
         (operation.name.starts_with("AssumeRole") || operation.name == "GetSessionToken" ||
          operation.name == "GetFederationToken");
}

}  // namespace

std::string_view data_type_of(const schema::Service& service, const schema::Operation& operation) {
  if (service.name == "s3") {
    const bool of_object = operation.input && schema::find_member(*operation.input, "Key");
    const bool listed =
        std::ranges::find(kS3DataOperations, operation.name) != kS3DataOperations.end();
    return of_object || listed ? "AWS::S3::Object" : std::string_view();
  }
  for (const DataOperations& data : kDataOperations)
    if (data.service == service.name && operation.name.starts_with(data.prefix)) return data.type;
  return {};
}

OperationKind kind_of(const schema::Service& service, const schema::Operation& operation) {
  OperationKind kind;
  kind.data_type = data_type_of(service, operation);
  kind.gives_credentials = gives_credentials(service, operation);
  // A verb ends where the next word begins: "Getting" is none.
  kind.read_only =
      kind.gives_credentials || std::ranges::any_of(kReadingVerbs, [&](std::string_view verb) {
        return operation.name.starts_with(verb) &&
               (operation.name.size() == verb.size() ||
                (operation.name[verb.size()] >= 'A' && operation.name[verb.size()] <= 'Z'));
      });
  if (service.name == "sagemaker-runtime" || operation.name == "ReceiveMessage" ||
      operation.name == "SelectObjectContent")
    kind.read_only = true;
  if (service.name == "kms" &&
      std::ranges::any_of(kKeyUses, [&](auto use) { return operation.name.starts_with(use); }))
    kind.read_only = true;
  return kind;
}

bool is_global(const schema::Service& service) {
  return service.name == "iam" || service.name == "sts";
}

}  // namespace tidemill::services::cloudtrail
