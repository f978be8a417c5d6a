#include "services/iam/policy_language/positions.h"

namespace tidemill::services::iam {
namespace {

// Walks over JSON that is known to be well-formed.
class Walk {
 public:
  explicit Walk(std::string_view text) : text_(text) {}

  // Reads the document: its statements are the objects at depth 1 (a single one) or 2 (in a list)
  // behind the member "Statement".
  std::vector<StatementText> statements() {
    std::vector<StatementText> out;
    int depth = 0, statement_depth = 0;  // statement_depth 0: outside of "Statement"
    bool is_name = false;                // the next text at depth 1 is a member's name
    for (; at_ < text_.size(); advance()) {
      const char c = text_[at_];
      if (c == '"') {
        const std::string_view word = read_text();
        if (depth == 1 && is_name) statement_depth = word == "Statement" ? 1 : 0;
        is_name = false;
      } else if (c == '{' || c == '[') {
        ++depth;
        if (c == '{' && depth == 1) is_name = true;
        if (c == '[' && statement_depth == 1 && depth == 2) statement_depth = 2;
        if (c == '{' && statement_depth > 0 && depth == statement_depth + 1)
          out.push_back({position(), {}});
      } else if (c == '}' || c == ']') {
        if (c == '}' && statement_depth > 0 && depth == statement_depth + 1 && !out.empty())
          out.back().end = position();
        --depth;
      } else if (c == ',' && depth == 1) {
        is_name = true;
      }
    }
    return out;
  }

 private:
  TextPosition position() const { return {line_, std::int32_t(at_ - line_start_) + 1}; }
  void advance() {
    if (at_ < text_.size() && text_[at_] == '\n') {
      ++line_;
      line_start_ = at_ + 1;
    }
    ++at_;
  }
  // Returns the text between two quotes; stops at the closing one.
  std::string_view read_text() {
    const std::size_t start = at_ + 1;
    for (advance(); at_ < text_.size() && text_[at_] != '"'; advance())
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) advance();
    return text_.substr(start, at_ - start);
  }

  std::string_view text_;
  std::size_t at_ = 0, line_start_ = 0;
  std::int32_t line_ = 1;
};

}  // namespace

std::vector<StatementText> find_statements(std::string_view text) {
  return Walk(text).statements();
}

}  // namespace tidemill::services::iam
