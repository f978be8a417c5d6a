#include "base/arn.h"
#include "services/iam/authorization/resources.h"
#include "services/iam/role_arn.h"

namespace tidemill::services::iam {
namespace {

std::unexpected<Error> invalid_arn(const std::string& text) {
  return fail("InvalidInput", "ARN " + text + " is not valid.", 400);
}

// A policy of this account or of AWS.
Result<std::string> policy_arn(const OperationCall& call, const std::string& text) {
  constexpr std::string_view kPolicy = "policy/";
  const Result<Arn> arn = parse_arn(text);
  const bool own = arn && arn->partition == kPartition && arn->service == "iam" &&
                   arn->region.empty() && (arn->account == call.account || arn->account == "aws") &&
                   arn->resource.starts_with(kPolicy);
  if (!own) return invalid_arn(text);
  return text;
}

Result<std::string> role_resource(const OperationCall& call, const RoleFinder& find_role,
                                  ConditionContext& conditions) {
  const std::string name = text_member(call.input, "RoleName");
  std::string path = text_member(call.input, "Path");
  if (call.operation.name == "CreateRole") {
    if (path.empty()) path = "/";
    return make_arn("iam", "", call.account, "role" + path + name);
  }
  if (std::optional<NamedRole> role = TRY(find_role(name))) {
    if (!role->boundary.empty()) conditions["iam:PermissionsBoundary"] = {role->boundary};
    return role->arn;
  }
  return make_arn("iam", "", call.account, "role/" + name);
}

// The ARN of the role or user that PolicySourceArn names.
Result<std::string> source_resource(const OperationCall& call, const RoleFinder& find_role) {
  const std::string given = text_member(call.input, "PolicySourceArn");
  const Result<Arn> arn = parse_arn(given);
  if (!arn || arn->partition != kPartition || arn->service != "iam" || !arn->region.empty() ||
      arn->account != call.account)
    return invalid_arn(given);
  if (const std::optional<RoleArn> role = parse_role_arn(given))
    if (std::optional<NamedRole> found = TRY(find_role(role->name))) return found->arn;
  return given;
}

bool has_tags(const Value& input) {
  const Value* tags = input.find("Tags");
  return tags && tags->as_list() && !tags->as_list()->empty();
}

}  // namespace

Result<std::vector<RequiredAction>> iam_actions(const OperationCall& call,
                                                const RoleFinder& find_role) {
  const std::string_view operation = call.operation.name;
  RequiredAction required;
  required.action = "iam:" + std::string(operation);
  required.resource = "*";
  ConditionContext& conditions = required.conditions;
  if (std::string boundary = text_member(call.input, "PermissionsBoundary"); !boundary.empty())
    conditions["iam:PermissionsBoundary"] = {TRY(policy_arn(call, boundary))};
  const std::string policy = text_member(call.input, "PolicyArn");
  if (!policy.empty()) conditions["iam:PolicyARN"] = {TRY(policy_arn(call, policy))};
  if (call.input.find("RoleName")) {
    required.resource = TRY(role_resource(call, find_role, conditions));
  } else if (!policy.empty()) {
    required.resource = policy;
  } else if (call.input.find("PolicySourceArn")) {
    required.resource = TRY(source_resource(call, find_role));
  } else if (std::string name = text_member(call.input, "PolicyName"); !name.empty()) {
    std::string path = text_member(call.input, "Path");
    if (path.empty()) path = "/";
    required.resource = make_arn("iam", "", call.account, "policy" + path + name);
  } else if (std::string user = text_member(call.input, "UserName"); !user.empty()) {
    required.resource = make_arn("iam", "", call.account, "user/" + user);
  }
  std::vector<RequiredAction> out;
  out.push_back(std::move(required));
  // What is made with tags is tagged as well.
  if (has_tags(call.input) && operation == "CreateRole")
    out.push_back({"iam:TagRole", out.front().resource});
  if (has_tags(call.input) && operation == "CreatePolicy")
    out.push_back({"iam:TagPolicy", out.front().resource});
  return out;
}

}  // namespace tidemill::services::iam
