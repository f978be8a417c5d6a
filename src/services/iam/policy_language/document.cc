#include "services/iam/policy_language/document.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/arn.h"
#include "base/json.h"
#include "services/iam/policy_language/condition.h"
#include "services/iam/policy_language/positions.h"
#include "services/iam/policy_language/repeated_names.h"
#include "services/iam/policy_language/role_arn.h"
#include "services/iam/policy_language/wildcard.h"

namespace tidemill::services::iam {
namespace {

constexpr std::size_t kStatementsMax = 500;

std::unexpected<Error> malformed(std::string message) {
  return fail("MalformedPolicyDocument", std::move(message), 400);
}

// A string, or a number or boolean where AWS takes those for one.
std::optional<std::string> scalar_text(const Value& value) {
  if (const std::string* text = value.as_string()) return *text;
  if (const bool* flag = value.get_if<bool>()) return *flag ? "true" : "false";
  if (const std::int64_t* number = value.get_if<std::int64_t>()) return std::to_string(*number);
  if (value.get_if<double>()) return write_json(value);
  return std::nullopt;
}

// "x" or ["x", "y"].
Result<std::vector<std::string>> string_list(const Value& value, std::string_view what) {
  std::vector<std::string> out;
  if (const ValueList* list = value.as_list()) {
    for (const Value& element : *list) {
      std::optional<std::string> text = scalar_text(element);
      if (!text) return malformed("Syntax errors in policy: " + std::string(what));
      out.push_back(std::move(*text));
    }
    return out;
  }
  std::optional<std::string> text = scalar_text(value);
  if (!text) return malformed("Syntax errors in policy: " + std::string(what));
  out.push_back(std::move(*text));
  return out;
}

Result<void> read_conditions(const Value& value, Statement& statement) {
  const ValueObject* tests = value.as_object();
  if (!tests) return malformed("Syntax errors in policy: Condition");
  for (const auto& [full_name, keys] : *tests) {
    Condition condition;
    std::string_view name = full_name;
    constexpr std::string_view kAny = "ForAnyValue:", kAll = "ForAllValues:", kIf = "IfExists";
    if (name.starts_with(kAny)) condition.quantifier = Condition::Quantifier::for_any_value;
    if (name.starts_with(kAll)) condition.quantifier = Condition::Quantifier::for_all_values;
    if (condition.quantifier != Condition::Quantifier::none) name.remove_prefix(name.find(':') + 1);
    if (name.ends_with(kIf)) {
      condition.if_exists = true;
      name.remove_suffix(kIf.size());
    }
    condition.test = name;
    if (!is_condition_test(condition.test))
      return malformed("Invalid Condition type : " + full_name + ".");
    const ValueObject* members = keys.as_object();
    if (!members) return malformed("Syntax errors in policy: Condition " + full_name);
    for (const auto& [key, values] : *members) {
      condition.key = ascii_lower(key);
      condition.values = TRY(string_list(values, "Condition " + full_name));
      statement.conditions.push_back(condition);
    }
  }
  return {};
}

// The ARN of an account, a role, a user or a session, in this server's partition.
bool names_principal(std::string_view text) {
  const Result<Arn> arn = parse_arn(text);
  return arn && arn->partition == kPartition && (arn->service == "iam" || arn->service == "sts") &&
         arn->region.empty() && is_account(arn->account);
}

Result<void> read_principals(const Value& value, Statement& statement) {
  statement.has_principal = true;
  if (const std::string* text = value.as_string()) {
    if (*text != "*") return malformed("Invalid principal in policy: \"" + *text + "\"");
    statement.principals.push_back({"*", "*"});
    return {};
  }
  const ValueObject* types = value.as_object();
  if (!types || types->empty()) return malformed("Syntax errors in policy: Principal");
  for (const auto& [type, values] : *types) {
    if (type != "AWS" && type != "Service" && type != "Federated" && type != "CanonicalUser")
      return malformed("Invalid principal in policy: \"" + type + "\"");
    for (std::string& text : TRY(string_list(values, "Principal"))) {
      if (type == "AWS" && text != "*" && !is_account(text) && !names_principal(text))
        return malformed("Invalid principal in policy: \"AWS\":\"" + text + "\"");
      statement.principals.push_back({type, std::move(text)});
    }
  }
  return {};
}

Result<void> check_actions(const Statement& statement, PolicyKind kind) {
  for (const std::string& action : statement.actions) {
    if (action == "*") continue;
    const std::size_t colon = action.find(':');
    if (colon == std::string::npos || colon == 0 || colon + 1 == action.size())
      return malformed(
          "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.");
    if (kind == PolicyKind::trust && ascii_lower(action.substr(0, colon)) != "sts")
      return malformed("AssumeRole policy may only specify STS AssumeRole actions.");
  }
  return {};
}

Result<Statement> read_statement(const Value& value, PolicyKind kind) {
  const ValueObject* members = value.as_object();
  if (!members) return malformed("Syntax errors in policy.");
  Statement statement;
  bool has_effect = false, has_action = false, has_resource = false;
  for (const auto& [name, member] : *members) {
    if (name == "Sid") {
      if (!member.as_string()) return malformed("Syntax errors in policy: Sid");
      statement.id = *member.as_string();
    } else if (name == "Effect") {
      const std::string* effect = member.as_string();
      if (!effect || (*effect != "Allow" && *effect != "Deny"))
        return malformed("Invalid effect: " + (effect ? *effect : std::string("not a string")));
      statement.allow = *effect == "Allow";
      has_effect = true;
    } else if (name == "Action" || name == "NotAction") {
      if (has_action) return malformed("Syntax errors in policy: Action and NotAction");
      has_action = true;
      statement.not_action = name == "NotAction";
      statement.actions = TRY(string_list(member, name));
    } else if (name == "Resource" || name == "NotResource") {
      if (kind == PolicyKind::trust) return malformed("Has prohibited field Resource");
      if (has_resource) return malformed("Syntax errors in policy: Resource and NotResource");
      has_resource = true;
      statement.not_resource = name == "NotResource";
      statement.resources = TRY(string_list(member, name));
    } else if (name == "Principal" || name == "NotPrincipal") {
      if (kind == PolicyKind::identity)
        return malformed("Policy document should not specify a principal.");
      if (statement.has_principal)
        return malformed("Syntax errors in policy: Principal and NotPrincipal");
      statement.not_principal = name == "NotPrincipal";
      TRY(read_principals(member, statement));
    } else if (name == "Condition") {
      TRY(read_conditions(member, statement));
    } else {
      return malformed("Syntax errors in policy: unknown member \"" + name + "\"");
    }
  }
  if (!has_effect) return malformed("Missing required field Effect");
  if (!has_action || statement.actions.empty()) return malformed("Missing required field Action");
  if (kind != PolicyKind::identity && !statement.has_principal)
    return malformed("Missing required field Principal");
  if (kind != PolicyKind::trust && (!has_resource || statement.resources.empty()))
    return malformed("Policy statement must contain resources.");
  for (const std::string& resource : statement.resources)
    if (resource != "*" && !resource.starts_with("arn:") && !resource.starts_with("*") &&
        !resource.starts_with("${"))
      return malformed("Resource " + resource + " must be in ARN format or \"*\".");
  TRY(check_actions(statement, kind));
  return statement;
}

}  // namespace

Result<PolicyDocument> parse_policy(std::string_view text, PolicyKind kind) {
  Result<Value> json = parse_json(text);
  if (!json || has_repeated_names(text)) return malformed("This policy contains invalid Json");
  const ValueObject* members = json->as_object();
  if (!members) return malformed("Syntax errors in policy.");
  const Value* statements = nullptr;
  PolicyDocument document;
  for (const auto& [name, value] : *members) {
    if (name == "Version") {
      const std::string* version = value.as_string();
      if (!version || (*version != "2012-10-17" && *version != "2008-10-17"))
        return malformed("The policy must contain a valid version string");
      document.version = *version;
    } else if (name == "Statement") {
      statements = &value;
    } else if (name == "Id") {
      if (!value.as_string()) return malformed("Syntax errors in policy: Id");
    } else {
      return malformed("Syntax errors in policy: unknown member \"" + name + "\"");
    }
  }
  if (!statements) return malformed("Syntax errors in policy.");
  const auto note_positions = [&](std::size_t index, const StatementText& range) {
    if (index >= document.statements.size()) return;
    document.statements[index].begin = range.begin;
    document.statements[index].end = range.end;
  };
  if (const ValueList* list = statements->as_list()) {
    if (list->empty()) return malformed("Syntax errors in policy.");
    if (list->size() > kStatementsMax) return malformed("The policy has too many statements.");
    for (const Value& element : *list)
      document.statements.push_back(TRY(read_statement(element, kind)));
  } else {
    document.statements.push_back(TRY(read_statement(*statements, kind)));
  }
  const std::vector<StatementText> texts = find_statements(text);
  for (std::size_t i = 0; i < texts.size(); ++i) note_positions(i, texts[i]);
  return document;
}

}  // namespace tidemill::services::iam
