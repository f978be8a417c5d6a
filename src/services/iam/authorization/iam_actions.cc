#include "base/arn.h"
#include "services/iam/authorization/resources.h"
#include "services/iam/policy_language/role_arn.h"
#include "services/iam/role/service_linked.h"

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

// A member that names an entity, and how its ARN begins.
struct NamingMember {
  std::string_view member;
  EntityKind kind;
  std::string_view type;
};
// In the order in which they decide: an operation with several works on the first of them.
constexpr NamingMember kNamingMembers[] = {
    {"InstanceProfileName", EntityKind::instance_profile, "instance-profile"},
    {"GroupName", EntityKind::group, "group"},
    {"RoleName", EntityKind::role, "role"},
    {"UserName", EntityKind::user, "user"},
};

Result<std::string> entity_resource(const OperationCall& call, const NamingMember& naming,
                                    std::string_view name, const EntityFinder& find_entity,
                                    ConditionContext& conditions) {
  const std::string type(naming.type);
  if (call.operation.name.starts_with("Create") && call.operation.name != "CreateAccessKey") {
    std::string path = text_member(call.input, "Path");
    if (path.empty()) path = "/";
    return make_arn("iam", "", call.account, type + path + std::string(name));
  }
  if (std::optional<NamedEntity> found = TRY(find_entity(naming.kind, name))) {
    if (!found->boundary.empty()) conditions["iam:PermissionsBoundary"] = {found->boundary};
    return found->arn;
  }
  return make_arn("iam", "", call.account, type + "/" + std::string(name));
}

// The ARN of the role or user that PolicySourceArn names.
Result<std::string> source_resource(const OperationCall& call, const EntityFinder& find_entity) {
  const std::string given = text_member(call.input, "PolicySourceArn");
  const Result<Arn> arn = parse_arn(given);
  if (!arn || arn->partition != kPartition || arn->service != "iam" || !arn->region.empty() ||
      arn->account != call.account)
    return invalid_arn(given);
  const std::string name = arn->resource.substr(arn->resource.rfind('/') + 1);
  for (const NamingMember& naming : kNamingMembers)
    if (arn->resource_type() == naming.type)
      if (std::optional<NamedEntity> found = TRY(find_entity(naming.kind, name))) return found->arn;
  return given;
}

// The OpenID Connect provider or service-linked role that the operation works on, or empty.
std::string provider_or_linked_role(const OperationCall& call) {
  if (std::string arn = text_member(call.input, "OpenIDConnectProviderArn"); !arn.empty())
    return arn;
  if (call.operation.name == "CreateOpenIDConnectProvider") {
    constexpr std::string_view kScheme = "https://";
    std::string url = text_member(call.input, "Url");
    if (url.starts_with(kScheme)) url.erase(0, kScheme.size());
    while (url.ends_with('/')) url.pop_back();
    return make_arn("iam", "", call.account, "oidc-provider/" + url);
  }
  if (const std::string service = text_member(call.input, "AWSServiceName"); !service.empty())
    return make_arn("iam", "", call.account,
                    "role" + std::string(kServiceLinkedPath) + service + "/" +
                        service_linked_role_name(service, text_member(call.input, "CustomSuffix")));
  // "task/aws-service-role/<service>/<role>/<id>"
  if (const std::string task = text_member(call.input, "DeletionTaskId"); task.starts_with("task/"))
    return make_arn("iam", "", call.account, "role" + task.substr(4, task.rfind('/') - 4));
  return {};
}

// Operations of users that work on the caller when they name nobody.
bool concerns_caller(std::string_view operation) {
  return operation == "GetUser" || operation == "CreateAccessKey" ||
         operation == "ListAccessKeys" || operation == "UpdateAccessKey" ||
         operation == "DeleteAccessKey";
}

bool has_tags(const Value& input) {
  const Value* tags = input.find("Tags");
  return tags && tags->as_list() && !tags->as_list()->empty();
}

// The entity that the operation works on, beside a policy.
Result<std::string> named_resource(const OperationCall& call, const EntityFinder& find_entity,
                                   ConditionContext& conditions) {
  const std::string_view operation = call.operation.name;
  for (const NamingMember& naming : kNamingMembers)
    if (const std::string name = text_member(call.input, naming.member); !name.empty())
      return entity_resource(call, naming, name, find_entity, conditions);
  if (concerns_caller(operation) && !call.calling_user.empty())
    return entity_resource(call, kNamingMembers[3], call.calling_user, find_entity, conditions);
  return std::string();
}

}  // namespace

Result<std::vector<RequiredAction>> iam_actions(const OperationCall& call,
                                                const EntityFinder& find_entity) {
  const std::string_view operation = call.operation.name;
  RequiredAction required;
  required.action = "iam:" + std::string(operation);
  required.resource = "*";
  ConditionContext& conditions = required.conditions;
  const std::string policy = text_member(call.input, "PolicyArn");
  if (!policy.empty()) conditions["iam:PolicyARN"] = {TRY(policy_arn(call, policy))};
  const std::string named = TRY(named_resource(call, find_entity, conditions));
  // The boundary that is to be set counts, not the one that is there.
  if (std::string boundary = text_member(call.input, "PermissionsBoundary"); !boundary.empty())
    conditions["iam:PermissionsBoundary"] = {TRY(policy_arn(call, boundary))};
  if (!named.empty()) {
    required.resource = named;
  } else if (std::string other = provider_or_linked_role(call); !other.empty()) {
    required.resource = std::move(other);
    if (const std::string service = text_member(call.input, "AWSServiceName"); !service.empty())
      conditions["iam:AWSServiceName"] = {service};
  } else if (!policy.empty()) {
    required.resource = policy;
  } else if (call.input.find("PolicySourceArn")) {
    required.resource = TRY(source_resource(call, find_entity));
  } else if (std::string name = text_member(call.input, "PolicyName"); !name.empty()) {
    std::string path = text_member(call.input, "Path");
    if (path.empty()) path = "/";
    required.resource = make_arn("iam", "", call.account, "policy" + path + name);
  }
  std::vector<RequiredAction> out;
  // Creating with tags needs the right to tag.
  const std::string_view made = operation.starts_with("Create") ? operation.substr(6) : "";
  const bool tagged = !made.empty() && has_tags(call.input);
  out.push_back(std::move(required));
  if (tagged) out.push_back({"iam:Tag" + std::string(made), out.front().resource});
  // Whoever starts a machine with the profile acts as the role.
  if (operation == "AddRoleToInstanceProfile") {
    RequiredAction pass{"iam:PassRole", ""};
    pass.resource =
        TRY(entity_resource(call, kNamingMembers[2], text_member(call.input, "RoleName"),
                            find_entity, pass.conditions));
    pass.conditions["iam:PassedToService"] = {"ec2.amazonaws.com"};
    out.push_back(std::move(pass));
  }
  return out;
}

}  // namespace tidemill::services::iam
