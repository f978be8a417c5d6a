#include "base/arn.h"
#include "services/iam/authorization/resources.h"
#include "services/iam/policy_language/role_arn.h"

namespace tidemill::services::iam {
namespace {

constexpr std::string_view kGroup = "log-group:";

// The group's name in an ARN, which may end with ":*".
Result<std::string> group_of_arn(const OperationCall& call, const std::string& text) {
  const Result<Arn> arn = parse_arn(text);
  if (!arn || arn->partition != kPartition || arn->service != "logs" ||
      !arn->resource.starts_with(kGroup))
    return fail("InvalidParameterException", "The ARN '" + text + "' is not that of a log group.",
                400);
  if (arn->region != call.region || arn->account != call.account)
    return fail("ResourceNotFoundException", "The specified log group does not exist.", 400);
  std::string name = arn->resource.substr(kGroup.size());
  if (name.ends_with(":*")) name.resize(name.size() - 2);
  if (name.empty() || name.find(':') != name.npos)
    return fail("InvalidParameterException", "The ARN '" + text + "' is not that of a log group.",
                400);
  return name;
}

// Empty when the operation names no group.
Result<std::string> group_name(const OperationCall& call) {
  for (std::string_view member : {"logGroupName", "logGroupIdentifier", "resourceArn"}) {
    std::string given = text_member(call.input, member);
    if (given.empty()) continue;
    if (given.starts_with("arn:") || member == "resourceArn") return group_of_arn(call, given);
    return given;
  }
  return std::string();
}

bool works_on(const api::ActionRule* rule, std::string_view type) {
  return rule && rule->resources.size() == 1 && rule->resources.front().type == type;
}

}  // namespace

Result<std::vector<RequiredAction>> logs_actions(const OperationCall& call) {
  RequiredAction required;
  required.action = "logs:" + std::string(call.operation.name);
  const std::string group = TRY(group_name(call));
  const api::ActionRule* rule = api::find_action_rule("logs", call.operation.name);
  if (group.empty()) {
    // AWS writes the resource of DescribeLogGroups in this way.
    required.resource = make_arn("logs", call.region, call.account, "log-group::log-stream:");
  } else if (works_on(rule, "log-stream")) {
    required.resource =
        make_arn("logs", call.region, call.account,
                 "log-group:" + group + ":log-stream:" + text_member(call.input, "logStreamName"));
  } else {
    // DescribeLogGroups shows both spellings, and policies have either.
    required.alias = make_arn("logs", call.region, call.account, "log-group:" + group);
    required.resource = required.alias + ":*";
  }
  std::vector<RequiredAction> out;
  out.push_back(std::move(required));
  const Value* tags = call.input.find("tags");
  if (call.operation.name == "CreateLogGroup" && tags && tags->as_object() &&
      !tags->as_object()->empty())
    out.push_back({"logs:TagResource", out.front().resource, {}, out.front().alias});
  return out;
}

}  // namespace tidemill::services::iam
