// The trails that CloudTrail's operations name.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudtrail.html
#include <array>

#include "services/iam/authorization/resources.h"

namespace tidemill::services::iam {
namespace {

constexpr std::array<std::string_view, 3> kTrailMembers{"Name", "TrailName", "ResourceId"};

std::string trail_arn(const OperationCall& call, const std::string& name) {
  return name.starts_with("arn:")
             ? name
             : make_arn("cloudtrail", call.region, call.account, "trail/" + name);
}

}  // namespace

Result<std::vector<RequiredAction>> cloudtrail_actions(const OperationCall& call) {
  std::vector<RequiredAction> required;
  const std::string action = "cloudtrail:" + std::string(call.operation.name);
  auto add = [&](std::string resource) -> Result<void> {
    // A trail of another account or partition is nobody's here.
    if (resource != "*" && (!resource.starts_with("arn:aws:cloudtrail:") ||
                            !resource.contains(":" + std::string(call.account) + ":trail/")))
      return fail("CloudTrailARNInvalidException",
                  resource + " is not the ARN of a trail of this account.", 400);
    RequiredAction one;
    one.action = action;
    one.resource = std::move(resource);
    required.push_back(std::move(one));
    return {};
  };
  for (const std::string_view member : kTrailMembers)
    if (const std::string name = text_member(call.input, member); !name.empty())
      TRY(add(trail_arn(call, name)));
  if (const Value* names = call.input.find("ResourceIdList"); names && names->as_list())
    for (const Value& name : *names->as_list())
      if (name.as_string()) TRY(add(trail_arn(call, *name.as_string())));
  if (required.empty()) TRY(add("*"));
  return required;
}

}  // namespace tidemill::services::iam
