#include "services/iam/simulation/handlers.h"

#include <algorithm>

#include "api/iam/simulation.h"
#include "base/arn.h"
#include "services/iam/authorization/request_conditions.h"
#include "services/iam/errors.h"
#include "services/iam/paging.h"
#include "services/iam/policy_language/check.h"
#include "services/iam/policy_language/role_arn.h"
#include "services/iam/policy_language/wildcard.h"

namespace tidemill::services::iam {
namespace {

namespace ops = api::iam::operations;

// Limit of one simulation: actions times resources.
constexpr std::size_t kEvaluationsMax = 10'000;

// The values that the caller gives; a key that this server cannot evaluate is as unknown here as in
// a request.
class SimulatedConditions final : public ConditionSource {
 public:
  explicit SimulatedConditions(const ConditionValues& given) : given_(given) {}
  KeyAnswer find(const std::string& lower_key) const override {
    KeyAnswer answer = given_.find(lower_key);
    answer.known = answer.values || is_evaluable_key(lower_key);
    return answer;
  }

 private:
  const GivenConditions given_;
};

struct Simulation {
  std::vector<NamedPolicy> policies;
  std::optional<std::vector<NamedPolicy>> boundary;
  bool everything_allowed = false;
  std::string caller;  // an ARN
  // The policy of every resource that is asked for.
  std::optional<PolicyDocument> resource_policy;
  bool same_account = true;
};

constexpr const char* kResourcePolicyId = "ResourcePolicyInputList.1";

Result<void> add_inputs(const std::optional<std::vector<std::string>>& documents,
                        const char* prefix, std::vector<NamedPolicy>& out) {
  if (!documents) return {};
  for (std::size_t i = 0; i < documents->size(); ++i) {
    Result<PolicyDocument> parsed = parse_new_policy((*documents)[i], PolicyKind::identity);
    if (!parsed) return fail("InvalidInput", parsed.error().message, 400);
    out.push_back({prefix + std::to_string(i + 1), "IAM Policy", *std::move(parsed)});
  }
  return {};
}

const char* decision_text(Decision decision) {
  switch (decision) {
    case Decision::allowed:
      return "allowed";
    case Decision::explicit_deny:
      return "explicitDeny";
    default:
      return "implicitDeny";
  }
}

api::iam::Position api_position(const TextPosition& position) {
  return {position.line, position.column};
}

void add_match(const std::string& policy, const std::string& type, const Statement& statement,
               std::vector<api::iam::Statement>& out) {
  api::iam::Statement& match = out.emplace_back();
  match.source_policy_id = policy;
  match.source_policy_type = type;
  if (statement.begin.line == 0) return;
  match.start_position = api_position(statement.begin);
  match.end_position = api_position(statement.end);
}

// The statements of the resource's policy that decided for the caller.
void add_resource_matches(const PolicyDocument& policy, const PrincipalCandidate& candidate,
                          bool denied, const Question& question,
                          std::vector<api::iam::Statement>& out) {
  for (const Statement& statement : policy.statements)
    if (statement.allow != denied && applies(statement, question) &&
        grant_of(statement, candidate) != Grant::none)
      add_match(kResourcePolicyId, "Resource Policy", statement, out);
}

PrincipalCandidate candidate_of(const Simulation& simulation, const Result<Arn>& caller) {
  PrincipalCandidate candidate;
  candidate.arn = simulation.caller;
  if (caller) candidate.account = caller->account;
  if (caller && caller->resource_type() == "role") candidate.role_arn = simulation.caller;
  return candidate;
}

api::iam::EvaluationResult evaluate_one(const Simulation& simulation, const Question& question) {
  api::iam::EvaluationResult result;
  result.eval_action_name = question.action;
  result.eval_resource_name = std::string(question.resource);
  result.matched_statements.emplace();
  result.missing_context_values.emplace();
  if (simulation.everything_allowed) {
    result.eval_decision = decision_text(Decision::allowed);
    return result;
  }
  // The same decision as for a request; evaluate() says which statements it rests on.
  Evaluation evaluation = evaluate(simulation.policies, question);
  CallerPolicies caller{.identity = simulation.policies};
  if (simulation.boundary) {
    caller.boundary = *simulation.boundary;
    result.permissions_boundary_decision_detail.emplace().allowed_by_permissions_boundary =
        decide(*simulation.boundary, question) == Decision::allowed;
  }
  std::optional<ResourceSide> side;
  const Result<Arn> caller_arn = parse_arn(simulation.caller);
  const PrincipalCandidate candidate = candidate_of(simulation, caller_arn);
  if (simulation.resource_policy)
    side = {.grant = evaluate_resource_policy(*simulation.resource_policy, candidate, question),
            .same_account = simulation.same_account};
  const Decision decision = decide(caller, side, question);
  result.eval_decision = decision_text(decision);
  const bool denied = decision == Decision::explicit_deny;
  if (!denied || evaluation.decision == Decision::explicit_deny)
    for (const auto& [policy, statement] : evaluation.matched)
      add_match(policy->id, policy->type, *statement, *result.matched_statements);
  if (denied && simulation.boundary)
    if (const Evaluation bound = evaluate(*simulation.boundary, question);
        bound.decision == Decision::explicit_deny)
      for (const auto& [policy, statement] : bound.matched)
        add_match(policy->id, policy->type, *statement, *result.matched_statements);
  if (simulation.resource_policy)
    add_resource_matches(*simulation.resource_policy, candidate, denied, question,
                         *result.matched_statements);
  result.missing_context_values = std::move(evaluation.missing_context_keys);
  return result;
}

// The members about the resources' policy, which both requests have.
template <class Request>
Result<void> take_resource_policy(const Context& context, const Request& request,
                                  Simulation& simulation) {
  if (request.caller_arn) simulation.caller = *request.caller_arn;
  if (!request.resource_policy) return {};
  if (simulation.caller.empty())
    return fail("InvalidInput", "CallerArn is required when ResourcePolicy is given.", 400);
  Result<PolicyDocument> parsed = parse_policy(*request.resource_policy, PolicyKind::resource);
  if (!parsed) return fail("InvalidInput", parsed.error().message, 400);
  simulation.resource_policy = *std::move(parsed);
  const Result<Arn> caller = parse_arn(simulation.caller);
  if (!caller) return fail("InvalidInput", "Invalid Caller Arn: " + simulation.caller, 400);
  std::string owner = request.resource_owner.value_or(context.account());
  if (const Result<Arn> arn = parse_arn(owner)) owner = arn->account;
  simulation.same_account = owner == caller->account;
  return {};
}

// Request is either of the two; they share these members.
template <class Request>
Result<api::iam::SimulatePolicyResponse> simulate(const Context& caller, Simulation& simulation,
                                                  const Request& request) {
  TRY(take_resource_policy(caller, request, simulation));
  if (request.resource_handling_option)
    return fail("InvalidInput",
                "ResourceHandlingOption is for EC2's resources, which Tidemill does not have: "
                "leave it out.",
                400);
  ConditionValues given;
  if (request.context_entries)
    for (const api::iam::ContextEntry& entry : *request.context_entries)
      given[ascii_lower(entry.context_key_name.value_or(""))] =
          entry.context_key_values.value_or(std::vector<std::string>());
  const SimulatedConditions context(given);
  const std::vector<std::string> resources =
      request.resource_arns && !request.resource_arns->empty() ? *request.resource_arns
                                                               : std::vector<std::string>{"*"};
  const std::size_t total = request.action_names.size() * resources.size();
  if (total > kEvaluationsMax)
    return fail("InvalidInput",
                "A simulation may ask for at most " + std::to_string(kEvaluationsMax) +
                    " combinations of action and resource.",
                400);
  for (const std::string& action : request.action_names)
    if (action.find(':') == action.npos)
      return fail("InvalidInput", "Invalid Action Name: " + action, 400);
  const std::string position = TRY(read_marker(request.marker));
  const std::size_t begin =
      std::min<std::size_t>(std::strtoul(position.c_str(), nullptr, 10), total);
  const std::size_t end =
      std::min<std::size_t>(total, begin + std::size_t(request.max_items.value_or(kPageItems)));
  api::iam::SimulatePolicyResponse out;
  out.evaluation_results.emplace();
  for (std::size_t i = begin; i < end; ++i)
    out.evaluation_results->push_back(evaluate_one(
        simulation,
        {request.action_names[i / resources.size()], resources[i % resources.size()], context}));
  out.is_truncated = end < total;
  if (end < total) out.marker = make_marker(std::to_string(end));
  return out;
}

Result<api::iam::SimulatePolicyResponse> simulate_principal_policy(
    State& state, const Context& context, const ops::SimulatePrincipalPolicy::Input& request) {
  Result<Arn> arn = parse_arn(request.policy_source_arn);
  if (!arn || arn->partition != kPartition || arn->service != "iam" || !arn->region.empty())
    return fail("InvalidInput", "Invalid Entity Arn: " + request.policy_source_arn, 400);
  Simulation simulation;
  simulation.caller = request.policy_source_arn;
  if (request.policy_exclusion_list)
    return fail("InvalidInput",
                "Tidemill's simulations take no PolicyExclusionList: leave it out, or simulate the "
                "other policies with SimulateCustomPolicy.",
                400);
  if (arn->resource == "root" && arn->account == context.account()) {
    simulation.everything_allowed = true;
  } else {
    const std::string_view type = arn->resource_type();
    if (type != "role" && type != "user")
      return no_such_entity("The principal " + request.policy_source_arn + " cannot be found.");
    const std::string name = arn->resource.substr(arn->resource.rfind('/') + 1);
    std::shared_ptr<const PrincipalPolicies> found;
    if (arn->account == context.account())
      found = TRY(type == "role" ? state.role_policies(context.account(), name)
                                 : state.user_policies(context.account(), name));
    // An ARN names a role by its path and in its case.
    if (found && found->arn != request.policy_source_arn) found.reset();
    if (found) {
      simulation.policies = found->identity;
      simulation.boundary = found->boundary;
    } else if (state.accept_any() && type == "role") {
      // True in this mode: nothing that such a role does is refused.
      simulation.everything_allowed = true;
    } else {
      return no_such_entity("The " + std::string(type) + " with name " + name +
                            " cannot be found.");
    }
  }
  TRY(add_inputs(request.policy_input_list, "PolicyInputList.", simulation.policies));
  if (request.permissions_boundary_policy_input_list)
    TRY(add_inputs(request.permissions_boundary_policy_input_list,
                   "PermissionsBoundaryPolicyInputList.", simulation.boundary.emplace()));
  return simulate(context, simulation, request);
}

Result<api::iam::SimulatePolicyResponse> simulate_custom_policy(
    State&, const Context& context, const ops::SimulateCustomPolicy::Input& request) {
  if (request.ordered_organization_policy_input_list)
    return fail("InvalidInput",
                "Tidemill has no organizations: leave out OrderedOrganizationPolicyInputList.",
                400);
  Simulation simulation;
  TRY(add_inputs(request.policy_input_list, "PolicyInputList.", simulation.policies));
  if (request.permissions_boundary_policy_input_list)
    TRY(add_inputs(request.permissions_boundary_policy_input_list,
                   "PermissionsBoundaryPolicyInputList.", simulation.boundary.emplace()));
  return simulate(context, simulation, request);
}

}  // namespace

void add_simulation_handlers(Registry& registry, State& state) {
  registry.add<ops::SimulatePrincipalPolicy>([&state](Context& context, const auto& request) {
    return simulate_principal_policy(state, context, request);
  });
  registry.add<ops::SimulateCustomPolicy>([&state](Context& context, const auto& request) {
    return simulate_custom_policy(state, context, request);
  });
  add_context_key_handlers(registry, state);
}

}  // namespace tidemill::services::iam
