// Which resources a call works on and whose session makes it, for the audit log. IAM knows.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "services/platform/handlers/handlers.h"

namespace tidemill::services::platform {

// The role or user that temporary credentials come from.
struct SessionFacts {
  std::string_view issuer_type;  // "Role", "IAMUser", "Root"; empty: nobody is known
  std::string issuer_arn, issuer_id;
  std::string issuer_name;  // empty for root
  std::optional<Timestamp> issued;
  std::string source_identity;
};

// Thread-safe.
class ResourceNames {
 public:
  virtual ~ResourceNames() = default;
  // Canonical ARNs; empty when the call names no resource, or names one in a way that is refused.
  virtual std::vector<std::string> resources_of(const Context& context,
                                                const schema::Service& service,
                                                const schema::Operation& operation,
                                                const Value& input) = 0;
  virtual SessionFacts session_of(const Principal& principal) = 0;
  // The account that the server was made with.
  virtual std::string own_account() const { return {}; }
};

}  // namespace tidemill::services::platform
