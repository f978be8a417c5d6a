#include "services/iam/policy_language/role_arn.h"

#include <algorithm>

#include "base/arn.h"

namespace tidemill::services::iam {
namespace {

constexpr std::size_t kAccountDigits = 12;

}  // namespace

bool is_account(std::string_view text) {
  return text.size() == kAccountDigits && text.find_first_not_of("0123456789") == text.npos;
}

std::optional<RoleArn> parse_role_arn(std::string_view text) {
  Result<Arn> arn = parse_arn(text);
  constexpr std::string_view kRole = "role/";
  if (!arn || arn->partition != kPartition || arn->service != "iam" || !arn->region.empty() ||
      !is_account(arn->account) || !arn->resource.starts_with(kRole))
    return std::nullopt;
  RoleArn out{std::string(text), arn->account, "", ""};
  const std::size_t slash = arn->resource.rfind('/');
  out.path = arn->resource.substr(kRole.size() - 1, slash - kRole.size() + 2);
  out.name = arn->resource.substr(slash + 1);
  const bool valid = std::ranges::all_of(out.name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("+=,.@_-").find(c) != std::string_view::npos;
  });
  // IAM's paths: printable characters without a space.
  const bool path_valid = std::ranges::all_of(out.path, [](char c) { return c > ' ' && c < 127; });
  if (out.name.empty() || out.name.size() > 64 || !valid || !path_valid) return std::nullopt;
  return out;
}

std::string session_arn(const RoleArn& role, std::string_view session_name) {
  return "arn:aws:sts::" + role.account + ":assumed-role/" + role.name + "/" +
         std::string(session_name);
}

std::string assumed_role_name(std::string_view principal_arn) {
  Result<Arn> arn = parse_arn(principal_arn);
  if (!arn || arn->partition != kPartition || arn->service != "sts" ||
      arn->resource_type() != "assumed-role")
    return {};
  const std::string_view name = arn->resource_name();
  return std::string(name.substr(0, name.find('/')));
}

std::string user_name(std::string_view principal_arn) {
  Result<Arn> arn = parse_arn(principal_arn);
  if (!arn || arn->partition != kPartition || arn->service != "iam" ||
      arn->resource_type() != "user")
    return {};
  return arn->resource.substr(arn->resource.rfind('/') + 1);
}

}  // namespace tidemill::services::iam
