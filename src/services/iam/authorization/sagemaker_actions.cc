#include <algorithm>
#include <utility>

#include "base/arn.h"
#include "services/iam/authorization/resources.h"
#include "services/iam/policy_language/role_arn.h"

namespace tidemill::services::iam {
namespace {

// The ARN again, when it is one of SageMaker's in the caller's place; `kind`: "endpoint", or empty
// for any.
Result<std::string> own_arn(const OperationCall& call, const std::string& text,
                            std::string_view kind) {
  const Result<Arn> arn = parse_arn(text);
  const bool own = arn && arn->partition == kPartition && arn->service == "sagemaker" &&
                   arn->region == call.region && arn->account == call.account &&
                   (kind.empty() || arn->resource_type() == kind);
  if (own) return text;
  return fail("ValidationException",
              "The ARN '" + text + "' is not that of a " +
                  (kind.empty() ? std::string("SageMaker resource") : std::string(kind)) +
                  " of this account and region: it begins with " +
                  make_arn("sagemaker", call.region, call.account, kind) + ".",
              400);
}

// "endpoint/{EndpointName}" with the input's members; nullopt when the input names no such
// resource.
Result<std::optional<std::string>> expand(const OperationCall& call,
                                          const api::ResourceRule& rule) {
  const std::string_view kind = rule.resource.substr(0, rule.resource.find('/'));
  std::string out;
  bool named = false;
  for (std::string_view rest = rule.resource; !rest.empty();) {
    const std::size_t open = std::min(rest.find('{'), rest.size());
    out += rest.substr(0, open);
    rest.remove_prefix(open);
    if (rest.empty()) break;
    const std::size_t close = rest.find('}');
    const std::string name = text_member(call.input, rest.substr(1, close - 1));
    rest.remove_prefix(close + 1);
    // Some members take an ARN in a name's place.
    if (name.starts_with("arn:")) return std::optional(TRY(own_arn(call, name, kind)));
    named |= !name.empty();
    out += name.empty() ? "*" : name;
  }
  if (!named && !rule.required) return std::optional<std::string>();
  return std::optional(make_arn("sagemaker", call.region, call.account, out));
}

Result<std::optional<std::string>> resource_of(const OperationCall& call,
                                               const api::ResourceRule& rule) {
  if (!rule.arn_member.empty())
    if (std::string given = text_member(call.input, rule.arn_member); given.starts_with("arn:")) {
      const std::string_view kind = rule.resource.substr(0, rule.resource.find('/'));
      return std::optional(TRY(own_arn(call, given, kind)));
    }
  if (rule.resource.empty()) return std::optional<std::string>();
  return expand(call, rule);
}

// ARNs of jobs are in lower case, as Describe shows them; a policy may also name a job as it is
// called. Names that differ in case alone are one name, so both mean the same job.
RequiredAction on_resource(const std::string& action, std::string resource) {
  const std::size_t kind_begin = resource.rfind(':') + 1;
  const std::size_t kind_end = std::min(resource.find('/', kind_begin), resource.size());
  const bool is_job =
      std::string_view(resource).substr(kind_begin, kind_end - kind_begin).ends_with("-job");
  RequiredAction required{action, std::move(resource)};
  if (!is_job) return required;
  std::string lower = required.resource;
  std::transform(lower.begin() + std::ptrdiff_t(kind_end), lower.end(),
                 lower.begin() + std::ptrdiff_t(kind_end),
                 [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
  if (lower == required.resource) return required;
  required.alias = std::exchange(required.resource, std::move(lower));
  return required;
}

bool has_tags(const Value& input) {
  const Value* tags = input.find("Tags");
  return tags && tags->as_list() && !tags->as_list()->empty();
}

}  // namespace

Result<std::vector<RequiredAction>> sagemaker_actions(const OperationCall& call) {
  std::vector<RequiredAction> out;
  const std::string action = "sagemaker:" + std::string(call.operation.name);
  const api::ActionRule* rule = api::find_action_rule("sagemaker", call.operation.name);
  if (rule)
    for (const api::ResourceRule& each : rule->resources)
      if (std::optional<std::string> resource = TRY(resource_of(call, each)))
        out.push_back(on_resource(action, *std::move(resource)));
  if (out.empty()) out.push_back({action, "*"});
  // Creating with tags needs the right to tag.
  if (call.operation.name.starts_with("Create") && has_tags(call.input)) {
    RequiredAction tagging{"sagemaker:AddTags", out.front().resource, {}, out.front().alias};
    tagging.conditions["sagemaker:TaggingAction"] = {std::string(call.operation.name)};
    out.push_back(std::move(tagging));
  }
  return out;
}

}  // namespace tidemill::services::iam
