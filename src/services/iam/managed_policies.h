// AWS's own managed policies that Tidemill ships: "arn:aws:iam::aws:policy/AmazonS3FullAccess".
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace tidemill::services::iam {

struct ManagedPolicy {
  std::string_view path;  // "/", "/service-role/"
  std::string_view name;
  std::string_view description;
  std::string_view document;

  std::string arn() const {
    return "arn:aws:iam::aws:policy" + std::string(path) + std::string(name);
  }
};

std::span<const ManagedPolicy> managed_policies();
// nullptr when it is not among them.
const ManagedPolicy* find_managed_policy(std::string_view arn);

}  // namespace tidemill::services::iam
