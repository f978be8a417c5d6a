#include "services/iam/policy/handlers.h"

#include <algorithm>

#include "api/iam/policy.h"
#include "services/iam/authorization/key_warning.h"
#include "services/iam/entity_policies.h"
#include "services/iam/errors.h"
#include "services/iam/limits.h"
#include "services/iam/paging.h"
#include "services/iam/policy/policy_view.h"
#include "services/iam/policy_language/check.h"
#include "services/iam/tags.h"

namespace tidemill::services::iam {
namespace {

Timestamp from_seconds(std::int64_t seconds) { return {seconds * 1'000'000}; }

}  // namespace

api::iam::Policy api_policy(const PolicyRecord& record, const State::PolicyUse& use) {
  api::iam::Policy policy;
  policy.policy_name = record.name;
  policy.policy_id = record.id;
  policy.arn = record.arn();
  policy.path = record.path;
  policy.default_version_id = version_id(record.default_version);
  policy.attachment_count = std::int64_t(use.attachments);
  policy.permissions_boundary_usage_count = std::int64_t(use.boundaries);
  policy.is_attachable = true;
  policy.create_date = record.created;
  policy.update_date = record.updated.microseconds > 0 ? record.updated : record.created;
  return policy;
}

PolicyRecord shipped_record(const ManagedPolicy& shipped) {
  PolicyRecord record;
  record.account = "aws";
  record.path = shipped.path;
  record.name = shipped.name;
  // Made of the name, so that it stays: "ANPA" and 17 characters.
  record.id = "ANPA";
  for (std::size_t i = 0; record.id.size() < 21; ++i)
    record.id += char('A' + (unsigned(shipped.name[i % shipped.name.size()]) + i) % 26);
  record.created = from_seconds(shipped.created_seconds);
  record.updated = from_seconds(shipped.updated_seconds);
  record.default_version = record.last_version = shipped.version;
  return record;
}

Result<PolicyRecord> any_policy(State& state, const Context& context, const std::string& arn) {
  if (const ManagedPolicy* shipped = find_managed_policy(arn)) {
    PolicyRecord record = shipped_record(*shipped);
    record.document = managed_policy_document(*shipped);
    // Only the version in force is shipped.
    record.versions = {{shipped->version, record.updated, record.document}};
    return record;
  }
  return state.policy(context.account(), arn);
}

Result<PolicyDocument> check_managed_document(const std::string& document) {
  PolicyDocument parsed = TRY(parse_new_managed_policy(document));
  if (characters_without_space(document) > kManagedPolicyCharactersMax)
    return limit_exceeded("Cannot exceed quota for PolicySize: " +
                          std::to_string(kManagedPolicyCharactersMax));
  return parsed;
}

namespace {

namespace ops = api::iam::operations;

Result<ops::CreatePolicy::Output> create_policy(State& state, Context& context,
                                                const ops::CreatePolicy::Input& request) {
  const PolicyDocument document = TRY(check_managed_document(request.policy_document));
  PolicyRecord policy;
  policy.account = context.account();
  policy.path = request.path.value_or("/");
  policy.name = request.policy_name;
  policy.id = state.make_id("ANPA");
  policy.created = state.now_seconds();
  policy.document = request.policy_document;
  policy.description = request.description;
  if (request.tags) TRY(merge_tags(*request.tags, policy.tags));
  TRY(state.create(policy));
  warn_of_unknown_keys(context, document);
  ops::CreatePolicy::Output out;
  out.policy = api_policy(policy, {});
  out.policy->description = policy.description;
  if (!policy.tags.empty()) out.policy->tags = api_tags(policy.tags);
  return out;
}

Result<ops::GetPolicy::Output> get_policy(State& state, const Context& context,
                                          const ops::GetPolicy::Input& request) {
  const PolicyRecord record = TRY(any_policy(state, context, request.policy_arn));
  ops::GetPolicy::Output out;
  out.policy = api_policy(record, TRY(state.policy_use(context.account(), request.policy_arn)));
  out.policy->description = record.description;
  if (!record.tags.empty()) out.policy->tags = api_tags(record.tags);
  return out;
}

// The marker of a page that ended among the policies that Tidemill ships; those of the account come
// before, and their markers are keys of their table.
constexpr std::string_view kShippedMark = "shipped:";

// Fills one page of ListPolicies.
class PolicyPage {
 public:
  PolicyPage(State& state, const Context& context, const ops::ListPolicies::Input& request)
      : state_(state),
        context_(context),
        path_prefix_(request.path_prefix.value_or("/")),
        only_attached_(request.only_attached.value_or(false)),
        any_usage_(!request.policy_usage_filter),
        boundaries_(request.policy_usage_filter == "PermissionsBoundary"),
        limit_(std::size_t(request.max_items.value_or(kPageItems))) {
    out_.policies.emplace();
    out_.is_truncated = false;
  }

  // False when the page was full before: it is truncated then.
  Result<bool> add(const PolicyRecord& record, const std::string& position) {
    if (!record.path.starts_with(path_prefix_)) return true;
    const State::PolicyUse use = TRY(state_.policy_use(context_.account(), record.arn()));
    const std::size_t used = boundaries_ ? use.boundaries : use.attachments;
    if (only_attached_ && used + (any_usage_ ? use.boundaries : 0) == 0) return true;
    if (!any_usage_ && used == 0) return true;
    if (out_.policies->size() == limit_) {
      out_.is_truncated = true;
      out_.marker = make_marker(last_);
      return false;
    }
    out_.policies->push_back(api_policy(record, use));
    last_ = position;
    return true;
  }
  ops::ListPolicies::Output take() { return std::move(out_); }

 private:
  State& state_;
  const Context& context_;
  const std::string path_prefix_;
  const bool only_attached_;
  const bool any_usage_;   // no filter by usage was given
  const bool boundaries_;  // count uses as a boundary, not attachments
  const std::size_t limit_;
  std::string last_;  // position of the policy that was added last
  ops::ListPolicies::Output out_;
};

Result<ops::ListPolicies::Output> list_policies(State& state, const Context& context,
                                                const ops::ListPolicies::Input& request) {
  const std::string scope = request.scope.value_or("All");
  const std::string after = TRY(read_marker(request.marker));
  const bool past_own = after.starts_with(kShippedMark);
  PolicyPage page(state, context, request);
  store::Scan scan{.prefix = store::key({context.account(), ""}),
                   .after = after,
                   .page_bytes_max = kListedBytesMax};
  while (scope != "AWS" && !past_own) {
    auto found = TRY(policies_table().scan(state.store(), scan));
    for (const auto& [record, version] : found.records)
      if (!TRY(page.add(record, entity_key(record.account, record.name)))) return page.take();
    scan.after = found.next;
    if (scan.after.empty()) break;
  }
  if (scope == "Local") return page.take();
  std::span<const ManagedPolicy> shipped = managed_policies();
  if (past_own) {
    const ManagedPolicy* last =
        find_managed_policy(std::string_view(after).substr(kShippedMark.size()));
    if (!last) return validation_error("Invalid Marker.");
    shipped = shipped.subspan(std::size_t(last - shipped.data()) + 1);
  }
  for (const ManagedPolicy& policy : shipped) {
    const PolicyRecord record = shipped_record(policy);
    if (!TRY(page.add(record, std::string(kShippedMark) + record.arn()))) break;
  }
  return page.take();
}

Result<api::Empty> delete_policy(State& state, const Context& context,
                                 const ops::DeletePolicy::Input& request) {
  const PolicyRecord policy = TRY(state.policy(context.account(), request.policy_arn));
  TRY(state.remove<PolicyRecord>(
      context.account(), policy.name,
      [&](const PolicyRecord& record, store::Transaction&) -> Result<void> {
        const State::PolicyUse use = TRY(state.policy_use(record.account, record.arn()));
        if (use.attachments + use.boundaries > 0)
          return delete_conflict("Cannot delete a policy attached to entities.");
        if (record.versions.size() > 1)
          return delete_conflict(
              "This policy has more than one version. Before you delete a policy, you must delete "
              "the policy's versions. The default version is deleted with the policy.");
        return {};
      }));
  return api::Empty{};
}

}  // namespace

void add_policy_handlers(Registry& registry, State& state) {
  auto bind = [&state](auto handler) {
    return [&state, handler](Context& context, const auto& request) {
      return handler(state, context, request);
    };
  };
  registry.add<ops::CreatePolicy>(bind(create_policy));
  registry.add<ops::GetPolicy>(bind(get_policy));
  registry.add<ops::ListPolicies>(bind(list_policies));
  registry.add<ops::DeletePolicy>(bind(delete_policy));
}

}  // namespace tidemill::services::iam
