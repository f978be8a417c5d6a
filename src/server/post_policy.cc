#include "server/post_policy.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <string>

#include "base/clock.h"
#include "base/json.h"

namespace tidemill::server {
namespace {

constexpr std::string_view kRange = "content-length-range";
// Fields that need no condition: those that make the signature, and the file.
constexpr std::array<std::string_view, 5> kFree = {"awsaccesskeyid", "file", "policy", "signature",
                                                   "x-amz-signature"};
constexpr std::string_view kIgnored = "x-ignore-";

std::unexpected<Error> invalid_document(const std::string& reason) {
  return fail("InvalidPolicyDocument", "Invalid Policy: " + reason, 400);
}

std::unexpected<Error> denied(const std::string& reason) {
  return fail("AccessDenied", "Invalid according to Policy: " + reason, 403);
}

// Whole numbers come as numbers or as text.
std::optional<std::uint64_t> size_of(const Value& value) {
  if (const auto* number = value.get_if<std::int64_t>())
    return *number < 0 ? std::nullopt : std::optional(std::uint64_t(*number));
  const std::string* text = value.as_string();
  std::uint64_t number = 0;
  if (!text || text->empty()) return std::nullopt;
  const auto [end, code] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (code != std::errc() || end != text->data() + text->size()) return std::nullopt;
  return number;
}

class Check {
 public:
  Check(const FormFields& fields, std::string_view bucket) : fields_(fields), bucket_(bucket) {}

  Result<void> condition(const Value& condition) {
    if (const ValueObject* equalities = condition.as_object()) {
      for (const auto& [name, value] : *equalities) {
        if (!value.as_string()) return invalid_document("Invalid Simple-Condition: value.");
        TRY(compare("eq", name, *value.as_string(), condition));
      }
      return {};
    }
    const ValueList* parts = condition.as_list();
    if (!parts || parts->size() != 3 || !(*parts)[0].as_string())
      return invalid_document("Invalid condition.");
    const std::string test = wire::lower_case(*(*parts)[0].as_string());
    if (test == kRange) return range((*parts)[1], (*parts)[2]);
    if (test != "eq" && test != "starts-with")
      return invalid_document("Unknown condition operation.");
    const std::string* name = (*parts)[1].as_string();
    const std::string* value = (*parts)[2].as_string();
    if (!name || !value) return invalid_document("Invalid condition.");
    // "\$" is an escaped "$".
    std::string_view field = *name;
    if (field.starts_with('\\')) field.remove_prefix(1);
    if (!field.starts_with('$') || field.size() == 1)
      return invalid_document("Invalid condition: a field begins with $.");
    return compare(test, field.substr(1), *value, condition);
  }

  // Each field needs a condition.
  Result<void> nothing_else() const {
    for (const auto& [name, value] : fields_.all()) {
      const std::string lower = wire::lower_case(name);
      if (std::ranges::find(kFree, lower) != kFree.end() || lower.starts_with(kIgnored) ||
          covered_.contains(lower))
        continue;
      return denied("Extra input fields: " + name);
    }
    if (!covered_.contains("bucket")) return denied("Extra input fields: bucket");
    return {};
  }

  const FileBounds& bounds() const { return bounds_; }

 private:
  Result<void> range(const Value& least, const Value& most) {
    const auto bytes_min = size_of(least), bytes_max = size_of(most);
    if (!bytes_min || !bytes_max) return invalid_document("Invalid content-length-range.");
    bounds_.bytes_min = std::max(bounds_.bytes_min, *bytes_min);
    bounds_.bytes_max = std::min(bounds_.bytes_max, *bytes_max);
    return {};
  }

  Result<void> compare(std::string_view test, std::string_view name, const std::string& wanted,
                       const Value& condition) {
    const std::string lower = wire::lower_case(name);
    covered_.insert(lower);
    const std::string_view given = lower == "bucket" ? bucket_ : fields_.get(lower);
    // Each of several content types must begin so.
    bool holds = test == "eq" ? given == wanted : begins(given, wanted);
    if (test == "starts-with" && lower == "content-type")
      for (std::size_t at = given.find(','); holds && at != given.npos; at = given.find(',', at)) {
        ++at;
        while (at < given.size() && given[at] == ' ') ++at;
        holds = begins(given.substr(at), wanted);
      }
    if (holds) return {};
    return denied("Policy Condition failed: " + write_json(condition));
  }

  static bool begins(std::string_view given, std::string_view wanted) {
    return given.starts_with(wanted);
  }

  const FormFields& fields_;
  const std::string_view bucket_;
  std::set<std::string> covered_;
  FileBounds bounds_;
};

}  // namespace

Result<FileBounds> check_post_policy(std::string_view document, const FormFields& fields,
                                     std::string_view bucket, Timestamp now) {
  const Result<Value> policy = parse_json(document);
  if (!policy || !policy->as_object()) return invalid_document("Invalid JSON.");
  const Value* expiration = policy->find("expiration");
  if (!expiration) return invalid_document("Policy missing expiration.");
  const Result<Timestamp> until = expiration->as_string()
                                      ? parse_iso8601(*expiration->as_string())
                                      : Result<Timestamp>(fail(codes::kInvalid, ""));
  if (!until) return invalid_document("Invalid 'expiration' value.");
  const Value* conditions = policy->find("conditions");
  if (!conditions || !conditions->as_list() || conditions->as_list()->empty())
    return invalid_document("Policy missing conditions.");
  if (now > *until) return denied("Policy expired.");
  Check check(fields, bucket);
  for (const Value& condition : *conditions->as_list()) TRY(check.condition(condition));
  TRY(check.nothing_else());
  return check.bounds();
}

}  // namespace tidemill::server
