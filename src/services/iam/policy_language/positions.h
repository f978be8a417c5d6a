// Where the statements of a policy document stand in its text, for those who are shown them.
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
