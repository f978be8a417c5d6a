#include "services/iam/policy_language/check.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include "base/clock.h"

namespace tidemill::services::iam {
namespace {

std::unexpected<Error> malformed(std::string message) {
  return fail("MalformedPolicyDocument", std::move(message), 400);
}

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

Result<void> check_sids(const PolicyDocument& document, PolicyKind kind) {
  std::set<std::string_view> seen;
  for (const Statement& statement : document.statements) {
    if (statement.id.empty()) continue;
    // Policies of resources may have any text there.
    if (kind == PolicyKind::identity && !std::ranges::all_of(statement.id, is_alphanumeric))
      return malformed(
          "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular "
          "expression [0-9A-Za-z]*");
    if (!seen.insert(statement.id).second)
      return malformed("Statement IDs (SID) in a single policy must be unique.");
  }
  return {};
}

Result<void> check_action(std::string_view action) {
  if (action == "*") return {};
  const std::size_t colon = action.find(':');
  if (action.find(':', colon + 1) != action.npos)
    return malformed("Actions/Condition can contain only one colon.");
  const std::string_view vendor = action.substr(0, colon);
  if (vendor != "*" && !std::ranges::all_of(vendor, [](char c) {
        return is_alphanumeric(c) || c == '-' || c == '.';
      }))
    return malformed("Vendor " + std::string(vendor) + " is not valid");
  return {};
}

constexpr std::array kIamPaths = std::to_array<std::string_view>(
    {"user/", "federated-user/", "role/", "group/", "instance-profile/", "mfa/",
     "server-certificate/", "policy/", "sms-mfa/", "saml-provider/", "oidc-provider/", "report/",
     "access-report/"});

bool is_partition(std::string_view text) {
  return text == "*" || text == "aws" || text == "aws-cn" || text == "aws-us-gov" ||
         text == "aws-iso" || text == "aws-iso-b" || text == "aws-iso-e" || text == "aws-iso-f" ||
         text == "aws-eusc";
}

// "arn:partition:vendor:region:account:rest", each part perhaps with wildcards.
Result<void> check_resource(const std::string& resource) {
  if (!resource.starts_with("arn:")) return {};  // "*" and the like; parse_policy() saw to the rest
  std::array<std::string_view, 5> parts;         // partition, vendor, region, account, the rest
  std::string_view left = std::string_view(resource).substr(4);
  std::size_t count = 0;
  for (; count + 1 < parts.size(); ++count) {
    const std::size_t colon = left.find(':');
    if (colon == left.npos) break;
    parts[count] = left.substr(0, colon);
    left.remove_prefix(colon + 1);
  }
  parts[count++] = left;
  if (!is_partition(parts[0])) {
    std::string spelled = "arn:" + std::string(parts[0]);
    for (std::size_t i = 1; i < parts.size(); ++i)
      spelled += ":" + (parts[i].empty() && i >= count ? "*" : std::string(parts[i]));
    return malformed("Partition \"" + std::string(parts[0]) + "\" is not valid for resource \"" +
                     spelled + "\".");
  }
  if (count < 2 || parts[1].empty() || parts[1].find_first_of("?") != parts[1].npos)
    return malformed("Resource vendor must be fully qualified and cannot contain regexes.");
  const bool whole = count == parts.size();
  const std::string_view vendor = parts[1], region = parts[2], rest = parts[4];
  if (vendor == "iam" && whole) {
    if (!region.empty())
      return malformed("IAM resource " + resource + " cannot contain region information.");
    if (rest != "*" && std::ranges::none_of(kIamPaths, [&](std::string_view path) {
          return rest.starts_with(path) || rest.starts_with("root") || rest.starts_with("*") ||
                 rest.starts_with("${");
        })) {
      std::string listed;
      for (const std::string_view path : kIamPaths)
        listed += (listed.empty() ? "" : ", ") + std::string(path);
      return malformed("IAM resource path must either be \"*\" or start with " + listed + ".");
    }
  }
  if (vendor == "s3" && whole && !region.empty() && !rest.starts_with("accesspoint/") &&
      !rest.starts_with("job/") && !rest.starts_with("storage-lens") && region != "*")
    return malformed("Resource " + resource + " can not contain region information.");
  if (!whole && vendor != "*" && resource.find('*') == resource.npos)
    return malformed("The policy failed legacy parsing");
  return {};
}

bool is_number(std::string_view text) {
  double value = 0;
  const auto [stop, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  return code == std::errc() && stop == text.data() + text.size();
}

// Dates only: AWS takes numbers and truth values that are none, which then match nothing.
Result<void> check_condition(const Condition& condition) {
  if (!condition.test.starts_with("Date")) return {};
  for (const std::string& value : condition.values)
    if (value.find("${") == value.npos && !parse_iso8601(value) && !is_number(value))
      return malformed("The policy failed legacy parsing");
  return {};
}

// For identities' policies AWS says no more than this, whatever part of the syntax is wrong.
std::string in_words_of_identities(const std::string& message) {
  constexpr std::array kSyntax = std::to_array<std::string_view>(
      {"Syntax errors in policy", "This policy contains invalid Json", "Invalid effect",
       "Invalid Condition type", "Missing required field Effect",
       "The policy must contain a valid version string"});
  if (std::ranges::any_of(kSyntax,
                          [&](std::string_view start) { return message.starts_with(start); }))
    return "Syntax errors in policy.";
  if (message == "Missing required field Action") return "Policy statement must contain actions.";
  return message;
}

}  // namespace

Result<PolicyDocument> parse_new_policy(std::string_view text, PolicyKind kind) {
  Result<PolicyDocument> parsed = parse_policy(text, kind);
  if (!parsed)
    return kind == PolicyKind::identity ? malformed(in_words_of_identities(parsed.error().message))
                                        : fail(std::move(parsed.error()));
  PolicyDocument document = *std::move(parsed);
  TRY(check_sids(document, kind));
  for (const Statement& statement : document.statements) {
    for (const std::string& action : statement.actions) TRY(check_action(action));
    for (const std::string& resource : statement.resources) TRY(check_resource(resource));
    for (const Condition& condition : statement.conditions) TRY(check_condition(condition));
  }
  return document;
}

Result<PolicyDocument> parse_new_managed_policy(std::string_view text) {
  PolicyDocument document = TRY(parse_new_policy(text, PolicyKind::identity));
  if (document.version != "2012-10-17")
    return malformed("Policy document must be version 2012-10-17 or greater.");
  return document;
}

}  // namespace tidemill::services::iam
