#include "services/iam/role_arn.h"

#include <algorithm>

#include "base/arn.h"

namespace tidemill::services::iam {

std::optional<RoleArn> parse_role_arn(std::string_view text) {
  Result<Arn> arn = parse_arn(text);
  constexpr std::string_view kRole = "role/";
  if (!arn || arn->service != "iam" || !arn->region.empty() || arn->account.size() != 12 ||
      arn->account.find_first_not_of("0123456789") != std::string::npos ||
      !arn->resource.starts_with(kRole))
    return std::nullopt;
  RoleArn out{std::string(text), arn->partition, arn->account, "", ""};
  const std::size_t slash = arn->resource.rfind('/');
  out.path = arn->resource.substr(kRole.size() - 1, slash - kRole.size() + 2);
  out.name = arn->resource.substr(slash + 1);
  const bool valid = std::ranges::all_of(out.name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("+=,.@_-").find(c) != std::string_view::npos;
  });
  if (out.name.empty() || out.name.size() > 64 || !valid) return std::nullopt;
  return out;
}

std::string assumed_role_name(std::string_view principal_arn) {
  Result<Arn> arn = parse_arn(principal_arn);
  if (!arn || arn->service != "sts" || arn->resource_type() != "assumed-role") return {};
  const std::string_view name = arn->resource_name();
  return std::string(name.substr(0, name.find('/')));
}

}  // namespace tidemill::services::iam
