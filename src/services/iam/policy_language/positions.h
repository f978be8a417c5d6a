// The positions of a policy document's statements in its text, which the policy simulator reports.
#pragma once

#include <string_view>
#include <vector>

#include "services/iam/policy_language/document.h"

namespace tidemill::services::iam {

struct StatementText {
  TextPosition begin;  // of "{"
  TextPosition end;    // of "}"
};

// In their order; of a text that parse_policy() takes, as many as it has statements.
std::vector<StatementText> find_statements(std::string_view text);

}  // namespace tidemill::services::iam
