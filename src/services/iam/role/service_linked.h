// Service-linked roles: made for one service of AWS, which alone may change them.
#pragma once

#include <string>
#include <string_view>

#include "services/iam/errors.h"
#include "services/iam/records.h"

namespace tidemill::services::iam {

inline constexpr std::string_view kServiceLinkedPath = "/aws-service-role/";

inline bool is_service_linked(const RoleRecord& role) {
  return role.path.starts_with(kServiceLinkedPath);
}

// "AWSServiceRoleForECS", of "ecs.amazonaws.com"; empty when no such service is known here.
std::string service_linked_role_name(std::string_view service_principal, std::string_view suffix);

// UnmodifiableEntity for those that only their service may change.
inline Result<void> check_modifiable(const RoleRecord& role) {
  if (!is_service_linked(role)) return {};
  return fail("UnmodifiableEntity",
              "Cannot perform the operation on the protected role '" + role.name +
                  "' - this role is only modifiable by AWS",
              400);
}

}  // namespace tidemill::services::iam
