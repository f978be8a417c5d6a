// "arn:aws:iam::123456789012:role/path/name", taken apart.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tidemill::services::iam {

struct RoleArn {
  std::string text;
  std::string partition;
  std::string account;
  std::string path;  // "/" or "/a/b/"
  std::string name;
};
// nullopt when it is no role's ARN.
std::optional<RoleArn> parse_role_arn(std::string_view text);

// "name" of "arn:aws:sts::123456789012:assumed-role/name/session"; empty for other ARNs.
std::string assumed_role_name(std::string_view principal_arn);

}  // namespace tidemill::services::iam
