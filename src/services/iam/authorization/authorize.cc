#include "services/iam/authorization/authorize.h"

#include <algorithm>

#include "services/iam/authorization/s3_actions.h"
#include "services/iam/policy_language/wildcard.h"

namespace tidemill::services::iam {
namespace {

std::string text_member(const Value& input, std::string_view name) {
  const Value* value = input.find(name);
  return value && value->as_string() ? *value->as_string() : std::string();
}

std::string arn(std::string_view service, std::string_view region, std::string_view account,
                const std::string& resource) {
  std::string out = "arn:aws:";
  out.append(service).append(":").append(region).append(":").append(account).append(":");
  return out + resource;
}

// "TrainingJob" of "CreateTrainingJob"; empty when the name does not begin with a known verb.
std::string_view noun_of(std::string_view operation) {
  for (std::string_view verb :
       {"Create", "Describe", "Delete", "Stop", "Start", "Update", "Invoke", "Get", "Retry"})
    if (operation.starts_with(verb)) return operation.substr(verb.size());
  return {};
}

// "training-job" of "TrainingJob".
std::string kebab(std::string_view noun) {
  std::string out;
  for (char c : noun) {
    const bool upper = c >= 'A' && c <= 'Z';
    if (upper && !out.empty()) out += '-';
    out += upper ? char(c + 32) : c;
  }
  return out;
}

// SageMaker's operations name their resource by the same noun: CreateTrainingJob has
// TrainingJobName and works on training-job/<name>, in lower case.
std::string sagemaker_resource(std::string_view operation, std::string_view account,
                               std::string_view region, const Value& input) {
  if (std::string given = text_member(input, "ResourceArn"); !given.empty()) return given;
  std::string_view noun = noun_of(operation);
  if (noun.starts_with("Endpoint") && !noun.starts_with("EndpointConfig")) noun = "Endpoint";
  if (noun.starts_with("InferenceComponent")) noun = "InferenceComponent";
  if (noun.empty()) return "*";
  const std::string name = text_member(input, std::string(noun) + "Name");
  if (name.empty()) return "*";
  if (name.starts_with("arn:")) return name;
  return arn("sagemaker", region, account, kebab(noun) + "/" + ascii_lower(name));
}

// A group is spelled with ":*", as the policies in use are; a stream has its own name.
std::string logs_resource(std::string_view account, std::string_view region, const Value& input) {
  std::string group = text_member(input, "logGroupName");
  if (group.empty()) group = text_member(input, "logGroupIdentifier");
  if (group.starts_with("arn:")) return group.ends_with(":*") ? group : group + ":*";
  if (group.empty()) {
    const std::string given = text_member(input, "resourceArn");
    return given.empty() ? arn("logs", region, account, "log-group:*") : given;
  }
  const std::string stream = text_member(input, "logStreamName");
  return arn("logs", region, account,
             "log-group:" + group + (stream.empty() ? ":*" : ":log-stream:" + stream));
}

// Roles by their name alone: a role's path is not known here.
std::string iam_resource(std::string_view account, const Value& input) {
  for (const char* member : {"PolicyArn", "PolicySourceArn"}) {
    // AttachRolePolicy and its like work on the role; the policy is a condition.
    if (input.find("RoleName")) break;
    if (std::string given = text_member(input, member); !given.empty()) return given;
  }
  if (std::string name = text_member(input, "RoleName"); !name.empty())
    return arn("iam", "", account, "role/" + name);
  if (std::string name = text_member(input, "PolicyName"); !name.empty())
    return arn("iam", "", account, "policy/" + name);
  return "*";
}

// The prefix of a service's actions, where it is not the name it signs with.
std::string_view action_prefix(const schema::Service& service) {
  return service.signing_name == "monitoring" ? std::string_view("cloudwatch")
                                              : service.signing_name;
}

bool answers_access_denied(const schema::Service& service) {
  return std::ranges::any_of(service.protocols, [](schema::Protocol protocol) {
    return protocol == schema::Protocol::rest_xml || protocol == schema::Protocol::aws_query;
  });
}

}  // namespace

std::vector<RequiredAction> required_actions(const schema::Service& service,
                                             const schema::Operation& operation,
                                             std::string_view account, std::string_view region,
                                             const Value& input) {
  if (service.name == "s3") return s3_actions(operation.name, input);
  RequiredAction required;
  required.action = std::string(action_prefix(service)) + ":" + std::string(operation.name);
  required.resource = "*";
  if (service.name == "sts") {
    if (operation.name != "GetAccessKeyInfo" && operation.name != "DecodeAuthorizationMessage")
      return {};
  } else if (service.name == "sagemaker" || service.name == "sagemaker-runtime") {
    required.resource = sagemaker_resource(operation.name, account, region, input);
  } else if (service.name == "logs") {
    required.resource = logs_resource(account, region, input);
  } else if (service.name == "iam") {
    required.resource = iam_resource(account, input);
    if (std::string policy = text_member(input, "PolicyArn"); !policy.empty())
      required.conditions["iam:PolicyARN"] = {policy};
  }
  return {std::move(required)};
}

Result<void> authorize_operation(IamInterface& iam, const Principal& principal,
                                 const schema::Service& service, const schema::Operation& operation,
                                 std::string_view region, const Value& input) {
  if (principal.root) return {};
  for (RequiredAction& required :
       required_actions(service, operation, principal.account, region, input)) {
    required.conditions["aws:RequestedRegion"] = {std::string(region)};
    Result<void> allowed =
        iam.authorize(principal, required.action, required.resource, required.conditions);
    if (allowed) continue;
    if (allowed.error().code == "AccessDeniedException" && answers_access_denied(service))
      allowed.error().code = "AccessDenied";
    return allowed;
  }
  return {};
}

}  // namespace tidemill::services::iam
