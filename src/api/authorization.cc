#include "api/authorization.h"

#include <algorithm>

namespace tidemill::api {

const ActionRule* find_action_rule(std::string_view prefix, std::string_view action) {
  for (const ActionTable& table : action_tables()) {
    if (table.prefix != prefix) continue;
    const auto found = std::ranges::lower_bound(table.actions, action, {}, &ActionRule::action);
    return found != table.actions.end() && found->action == action ? &*found : nullptr;
  }
  return nullptr;
}

bool lists_condition_key(std::span<const std::string_view> keys, std::string_view lower_key) {
  if (std::ranges::binary_search(keys, lower_key)) return true;
  const std::size_t slash = lower_key.find('/');
  return slash != lower_key.npos &&
         std::ranges::binary_search(keys, lower_key.substr(0, slash + 1));
}

}  // namespace tidemill::api
