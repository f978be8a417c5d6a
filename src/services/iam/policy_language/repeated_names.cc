#include "services/iam/policy_language/repeated_names.h"

#include <set>
#include <string>
#include <vector>

#include "base/json.h"

namespace tidemill::services::iam {
namespace {

// A name without its quotes, or as it stands with its escapes read.
std::string name_of(std::string_view quoted) {
  if (quoted.contains('\\'))
    if (const Result<Value> read = parse_json(quoted); read && read->as_string())
      return *read->as_string();
  return std::string(quoted.substr(1, quoted.size() - 2));
}

// The position after the closing quote.
std::size_t end_of_text(std::string_view text, std::size_t start) {
  std::size_t at = start + 1;
  while (at < text.size() && text[at] != '"') at += text[at] == '\\' ? 2 : 1;
  return at < text.size() ? at + 1 : text.size();
}

}  // namespace

bool has_repeated_names(std::string_view text) {
  struct Level {
    bool is_object;
    std::set<std::string> names = {};
  };
  std::vector<Level> levels;
  bool is_name = false;  // the next text is a member's name
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == '"') {
      const std::size_t end = end_of_text(text, at);
      if (is_name && !levels.empty() && end - at >= 2 &&
          !levels.back().names.insert(name_of(text.substr(at, end - at))).second)
        return true;
      is_name = false;
      at = end;
      continue;
    }
    if (c == '{' || c == '[') {
      levels.push_back({c == '{'});
      is_name = c == '{';
    } else if (c == '}' || c == ']') {
      if (!levels.empty()) levels.pop_back();
      is_name = false;
    } else if (c == ',') {
      is_name = !levels.empty() && levels.back().is_object;
    }
    ++at;
  }
  return false;
}

}  // namespace tidemill::services::iam
