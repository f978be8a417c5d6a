// "arn:aws:iam::123456789012:role/path/name", taken apart.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tidemill::services::iam {

// The one partition that this server makes ARNs in: those of others name nothing here.
inline constexpr std::string_view kPartition = "aws";

struct RoleArn {
  std::string text;
  std::string account;
  std::string path;  // "/" or "/a/b/"
  std::string name;
};
// nullopt when it is no role's ARN of this partition.
std::optional<RoleArn> parse_role_arn(std::string_view text);

// "arn:aws:sts::123456789012:assumed-role/name/session"
std::string session_arn(const RoleArn& role, std::string_view session_name);

// Twelve digits.
bool is_account(std::string_view text);

// "name" of "arn:aws:sts::123456789012:assumed-role/name/session"; empty for other ARNs.
std::string assumed_role_name(std::string_view principal_arn);
// "name" of "arn:aws:iam::123456789012:user/path/name"; empty for other ARNs.
std::string user_name(std::string_view principal_arn);

}  // namespace tidemill::services::iam
