#include "services/iam/authorization/key_warning.h"

#include <algorithm>

#include "base/log.h"
#include "services/iam/authorization/request_conditions.h"
#include "services/iam/policy_language/wildcard.h"

namespace tidemill::services::iam {
namespace {

constexpr std::size_t kWarningBytesMax = 1000;

void note(std::string_view key, std::vector<std::string>& out) {
  std::string lower = ascii_lower(key);
  if (!is_evaluable_key(lower) && std::ranges::find(out, lower) == out.end())
    out.push_back(std::move(lower));
}

// The keys of "${aws:username}" and "${aws:PrincipalTag/team, 'none'}".
void note_variables(std::string_view text, std::vector<std::string>& out) {
  for (std::size_t at = text.find("${"); at != text.npos; at = text.find("${", at + 2)) {
    std::string_view name = text.substr(at + 2);
    name = name.substr(0, name.find_first_of("}, "));
    if (name.size() > 1) note(name, out);
  }
}

}  // namespace

std::vector<std::string> unknown_condition_keys(const PolicyDocument& document) {
  std::vector<std::string> out;
  for (const Statement& statement : document.statements) {
    for (const std::string& resource : statement.resources) note_variables(resource, out);
    for (const Condition& condition : statement.conditions) {
      note(condition.key, out);
      for (const std::string& value : condition.values) note_variables(value, out);
    }
  }
  return out;
}

void warn_of_unknown_keys(Context& context, const PolicyDocument& document) {
  const std::vector<std::string> keys = unknown_condition_keys(document);
  if (keys.empty()) return;
  std::string listed;
  for (const std::string& key : keys) listed += (listed.empty() ? "" : ", ") + key;
  log::warning("a policy was stored with condition keys that this server cannot evaluate",
               {{"request_id", context.request_id}, {"keys", listed}});
  std::string warning =
      "This server cannot evaluate these condition keys; a Deny with one of them applies, an Allow "
      "does not: " +
      listed;
  // Keys are the author's text, and this is a header.
  for (char& c : warning)
    if (c < ' ' || c > '~') c = '?';
  if (warning.size() > kWarningBytesMax) warning.resize(kWarningBytesMax);
  context.response_headers[kWarningHeader] = std::move(warning);
}

}  // namespace tidemill::services::iam
