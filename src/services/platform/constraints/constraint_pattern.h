// Patterns of the service models, which are Java's, run by RE2: matching stays linear in the input,
// whatever a client sends.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

namespace tidemill::services {

// Immutable after construction; thread-safe.
class ConstraintPattern {
 public:
  enum class Support {
    exact,
    // A repetition above RE2's limit of 1,000 has no upper end. The shape's length still has one.
    loosened,
    // A construct RE2 cannot express: everything matches.
    none,
  };

  explicit ConstraintPattern(std::string_view pattern);
  ~ConstraintPattern();

  // Whether the whole text matches, as in AWS.
  bool matches(std::string_view text) const;
  Support support() const { return support_; }

  // Compiled once per pattern. `pattern` must live as long as the process (generated tables do).
  static const ConstraintPattern& cached(std::string_view pattern);

 private:
  struct Look;  // a look-ahead at the start, or a look-behind at the end
  struct Compiled;

  Support support_ = Support::exact;
  std::unique_ptr<Compiled> compiled_;
};

}  // namespace tidemill::services
