#include "services/iam/resource_policies.h"

#include <algorithm>
#include <array>

#include "services/iam/limits.h"
#include "services/iam/policy_language/wildcard.h"

namespace tidemill::services::iam {
namespace {

std::unexpected<Error> malformed(std::string message) {
  return fail("MalformedPolicyDocument", std::move(message), 400);
}

// Conditions on these keys confine a grant when their values are fixed.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
constexpr std::array kConfiningKeys = std::to_array<std::string_view>(
    {"aws:principalaccount", "aws:principalarn", "aws:principalorgid", "aws:principalorgpaths",
     "aws:sourceaccount", "aws:sourcearn", "aws:sourceip", "aws:sourceowner", "aws:sourcevpc",
     "aws:sourcevpce", "aws:userid", "aws:sourceorgid", "s3:dataaccesspointaccount",
     "s3:dataaccesspointarn", "s3:x-amz-server-side-encryption-aws-kms-key-id"});

constexpr std::array kConfiningTests = std::to_array<std::string_view>(
    {"StringEquals", "StringEqualsIgnoreCase", "StringLike", "ArnEquals", "ArnLike", "IpAddress"});

constexpr std::string_view kAnonymousUserId = "anonymous";

// Networks that are wider than these are as good as everybody.
bool is_wide_network(std::string_view value) {
  const std::size_t slash = value.find('/');
  if (slash == value.npos) return false;
  const bool six = value.find(':') != value.npos;
  const int bits = std::atoi(std::string(value.substr(slash + 1)).c_str());
  return bits < (six ? 32 : 8);
}

bool confines(const Condition& condition) {
  if (condition.if_exists || condition.quantifier == Condition::Quantifier::for_all_values ||
      std::ranges::find(kConfiningKeys, condition.key) == kConfiningKeys.end() ||
      std::ranges::find(kConfiningTests, condition.test) == kConfiningTests.end())
    return false;
  return std::ranges::all_of(condition.values, [&](const std::string& value) {
    if (condition.test == "IpAddress") return !is_wide_network(value);
    // An ARN's account may not be left open, a plain value may hold no wildcard.
    if (value.find("${") != value.npos) return false;
    // Anonymous callers have a user ID, too, and may not be among those whom a value lets in.
    if (value.empty() ||
        (condition.key == "aws:userid" && matches_wildcard_ignoring_case(value, kAnonymousUserId)))
      return false;
    if (condition.key == "aws:sourcearn" || condition.key == "aws:principalarn") {
      std::size_t colon = 0;
      for (int part = 0; part < 4 && colon != value.npos; ++part)
        colon = value.find(':', colon + (part ? 1 : 0));
      if (colon == value.npos) return false;
      const std::string account = value.substr(colon + 1, value.find(':', colon + 1) - colon - 1);
      return account.find_first_of("*?") == account.npos &&
             (!account.empty() || value.starts_with("arn:aws:s3:::"));
    }
    return condition.test == "StringEquals" || value.find_first_of("*?") == value.npos;
  });
}

}  // namespace

Result<bool> ResourcePolicySource::grants(std::string_view, std::string_view, const Grantee&,
                                          const ConditionContext&) {
  return false;
}

bool administers_policy(std::string_view action) {
  return action == "s3:PutBucketPolicy" || action == "s3:GetBucketPolicy" ||
         action == "s3:DeleteBucketPolicy";
}

void ResourcePolicies::add(std::string_view service, ResourcePolicySource& source) {
  sources_[std::string(service)] = &source;
}

bool ResourcePolicies::has_any(std::string_view service) const {
  const auto found = sources_.find(service);
  return found != sources_.end() && found->second->has_any();
}

ResourcePolicySource* ResourcePolicies::source_of(std::string_view action,
                                                  std::string_view arn) const {
  if (sources_.empty() || !arn.starts_with("arn:")) return nullptr;
  const auto source = sources_.find(action.substr(0, action.find(':')));
  return source == sources_.end() ? nullptr : source->second;
}

Result<std::optional<ResourcePolicy>> ResourcePolicies::find(std::string_view action,
                                                             std::string_view arn) const {
  // Ignore the policy of an existing bucket with this name.
  if (action == "s3:CreateBucket") return std::optional<ResourcePolicy>();
  ResourcePolicySource* source = source_of(action, arn);
  if (!source) return std::optional<ResourcePolicy>();
  return source->find(arn);
}

Result<bool> ResourcePolicies::grants(std::string_view action, std::string_view arn,
                                      const Grantee& grantee,
                                      const ConditionContext& conditions) const {
  ResourcePolicySource* source = source_of(action, arn);
  return source ? source->grants(arn, action, grantee, conditions) : Result<bool>(false);
}

Result<AclGrant> ResourcePolicies::acl_grant(const AclQuestion& question) const {
  const auto source = sources_.find(question.action.substr(0, question.action.find(':')));
  if (source == sources_.end()) return AclGrant::none;
  return source->second->acl_grant(question);
}

Result<Grant> ResourcePolicies::evaluate(const std::string& document,
                                         const PrincipalCandidate& candidate,
                                         const Question& question) {
  const std::shared_ptr<const PolicyDocument> policy = parsed(document);
  if (!policy) return Grant::denied;
  return evaluate_resource_policy(*policy, candidate, question);
}

std::shared_ptr<const PolicyDocument> ResourcePolicies::parsed(const std::string& document) {
  {
    std::lock_guard lock(mutex_);
    if (const auto found = parsed_.find(document); found != parsed_.end()) return found->second;
  }
  Result<PolicyDocument> policy = parse_policy(document, PolicyKind::resource);
  std::shared_ptr<const PolicyDocument> shared;
  if (policy) shared = std::make_shared<const PolicyDocument>(*std::move(policy));
  std::lock_guard lock(mutex_);
  if (parsed_.size() >= kCachedResourcePoliciesMax) parsed_.clear();
  parsed_[document] = shared;
  return shared;
}

Result<void> check_resource_policy(std::string_view document, std::string_view resource_prefix) {
  const PolicyDocument policy = TRY(parse_policy(document, PolicyKind::resource));
  if (resource_prefix.empty()) return {};
  for (const Statement& statement : policy.statements)
    for (const std::string& resource : statement.resources) {
      const bool inside =
          resource == resource_prefix ||
          (resource.starts_with(resource_prefix) &&
           (resource[resource_prefix.size()] == '/' || resource[resource_prefix.size()] == '*'));
      // "*", "arn:aws:s3:::buck*": the bucket may be among what it matches.
      const std::string head = resource.substr(0, resource.find('/'));
      if (!inside && !matches_wildcard(head, resource_prefix))
        return malformed("Policy has invalid resource");
    }
  return {};
}

Result<bool> is_public_policy(std::string_view document) {
  const PolicyDocument policy = TRY(parse_policy(document, PolicyKind::resource));
  return std::ranges::any_of(policy.statements, [](const Statement& statement) {
    if (!statement.allow) return false;
    const bool everybody =
        statement.not_principal ||
        std::ranges::any_of(statement.principals, [](const PolicyPrincipal& principal) {
          return principal.type == "*" || principal.value == "*";
        });
    return everybody && std::ranges::none_of(statement.conditions, confines);
  });
}

}  // namespace tidemill::services::iam
