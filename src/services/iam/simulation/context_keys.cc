// GetContextKeysForCustomPolicy and GetContextKeysForPrincipalPolicy: the condition keys and the
// variables that policies name, as their authors wrote them.
#include <set>

#include "api/iam/simulation.h"
#include "base/arn.h"
#include "base/json.h"
#include "services/iam/errors.h"
#include "services/iam/policy_language/document.h"
#include "services/iam/policy_language/role_arn.h"
#include "services/iam/simulation/handlers.h"

namespace tidemill::services::iam {
namespace {

namespace ops = api::iam::operations;

// The keys of "${aws:username}" and "${aws:PrincipalTag/team, 'none'}" anywhere in the value.
void add_variables(const Value& value, std::set<std::string>& out) {
  if (const ValueList* list = value.as_list()) {
    for (const Value& each : *list) add_variables(each, out);
  } else if (const ValueObject* members = value.as_object()) {
    for (const auto& [name, member] : *members) add_variables(member, out);
  } else if (const std::string* text = value.as_string()) {
    for (std::size_t at = text->find("${"); at != text->npos; at = text->find("${", at + 2)) {
      const std::size_t end = text->find_first_of("}, ", at);
      const std::string name = text->substr(at + 2, end == text->npos ? end : end - at - 2);
      if (name.size() > 1) out.insert(name);
    }
  }
}

void add_statement(const Value& statement, std::set<std::string>& out) {
  for (const char* name : {"Resource", "NotResource", "Condition"})
    if (const Value* member = statement.find(name)) add_variables(*member, out);
  const Value* tests = statement.find("Condition");
  if (!tests || !tests->as_object()) return;
  for (const auto& [test, keys] : *tests->as_object())
    if (const ValueObject* members = keys.as_object())
      for (const auto& [key, values] : *members) out.insert(key);
}

Result<void> add_document(const std::string& text, std::set<std::string>& out) {
  const Result<PolicyDocument> checked = parse_policy(text, PolicyKind::identity);
  if (!checked) return fail("InvalidInput", checked.error().message, 400);
  const Value document = TRY(parse_json(text));
  const Value* statements = document.find("Statement");
  if (const ValueList* list = statements ? statements->as_list() : nullptr) {
    for (const Value& statement : *list) add_statement(statement, out);
  } else if (statements) {
    add_statement(*statements, out);
  }
  return {};
}

api::iam::GetContextKeysForPolicyResponse answer(const std::set<std::string>& keys) {
  api::iam::GetContextKeysForPolicyResponse out;
  out.context_key_names.emplace(keys.begin(), keys.end());
  return out;
}

template <class Record>
Result<void> add_policies(State& state, const Record& record, std::set<std::string>& out) {
  for (const auto& [name, document] : record.inline_policies) TRY(add_document(document, out));
  for (const std::string& arn : record.attached_policies) {
    const std::string document = TRY(state.policy_document(record.account, arn));
    TRY(add_document(document, out));
  }
  return {};
}

Result<api::iam::GetContextKeysForPolicyResponse> keys_of_principal(
    State& state, const Context& context,
    const ops::GetContextKeysForPrincipalPolicy::Input& request) {
  const Result<Arn> arn = parse_arn(request.policy_source_arn);
  if (!arn || arn->partition != kPartition || arn->service != "iam" || !arn->region.empty())
    return fail("InvalidInput", "Invalid Entity Arn: " + request.policy_source_arn, 400);
  const std::string name = arn->resource.substr(arn->resource.rfind('/') + 1);
  std::set<std::string> out;
  if (request.policy_input_list)
    for (const std::string& document : *request.policy_input_list) TRY(add_document(document, out));
  const std::string_view type = arn->resource_type();
  if (type == "role") {
    const RoleRecord role = TRY(state.get<RoleRecord>(context.account(), name));
    TRY(add_policies(state, role, out));
  } else if (type == "group") {
    const GroupRecord group = TRY(state.get<GroupRecord>(context.account(), name));
    TRY(add_policies(state, group, out));
  } else if (type == "user") {
    const UserRecord user = TRY(state.get<UserRecord>(context.account(), name));
    TRY(add_policies(state, user, out));
    for (const std::string& id : user.groups)
      if (const auto group = TRY(state.group_with_id(context.account(), id))) {
        TRY(add_policies(state, *group, out));
      }
  } else {
    return fail("InvalidInput", "Invalid Entity Arn: " + request.policy_source_arn, 400);
  }
  return answer(out);
}

}  // namespace

void add_context_key_handlers(Registry& registry, State& state) {
  registry.add<ops::GetContextKeysForCustomPolicy>(
      [](Context&, const auto& request) -> Result<api::iam::GetContextKeysForPolicyResponse> {
        std::set<std::string> out;
        for (const std::string& document : request.policy_input_list)
          TRY(add_document(document, out));
        return answer(out);
      });
  registry.add<ops::GetContextKeysForPrincipalPolicy>(
      [&state](Context& context, const auto& request) {
        return keys_of_principal(state, context, request);
      });
}

}  // namespace tidemill::services::iam
