// Inline and attached policies, which roles, users and groups have alike. Each kind names its
// operations and says what AWS calls it:
//
//   struct RolePolicies {
//     using Record = RoleRecord;
//     using Put = ops::PutRolePolicy; ...
//     template <class Request> static const std::string& name(const Request& r);
//     static constexpr std::string_view kNoun = "role", kQuota = "PoliciesPerRole";
//     static constexpr std::size_t kInlineCharactersMax = ...;
//   };
#pragma once

#include <algorithm>
#include <cctype>

#include "base/encoding.h"
#include "services/iam/authorization/key_warning.h"
#include "services/iam/errors.h"
#include "services/iam/limits.h"
#include "services/iam/paging.h"
#include "services/iam/policy_language/check.h"
#include "services/iam/role/service_linked.h"
#include "services/iam/state.h"

namespace tidemill::services::iam {

inline std::size_t characters_without_space(std::string_view text) {
  return std::size_t(std::ranges::count_if(text, [](unsigned char c) { return !std::isspace(c); }));
}

inline std::unexpected<Error> not_attachable(const std::string& policy_arn) {
  return no_such_entity("Policy " + policy_arn + " does not exist or is not attachable.");
}

template <class Kind>
class EntityPolicies {
 public:
  using Record = typename Kind::Record;

  static void add_to(Registry& registry, State& state) {
    const auto bind = [&state](auto handler) {
      return [&state, handler](Context& context, const auto& request) {
        return handler(state, context, request);
      };
    };
    registry.add<typename Kind::Put>(bind(put));
    registry.add<typename Kind::Get>(bind(get));
    registry.add<typename Kind::Delete>(bind(remove));
    registry.add<typename Kind::List>(bind(list));
    registry.add<typename Kind::Attach>(bind(attach));
    registry.add<typename Kind::Detach>(bind(detach));
    registry.add<typename Kind::ListAttached>(bind(list_attached));
  }

 private:
  static Result<void> check_changeable(const Record& record) {
    if constexpr (std::is_same_v<Record, RoleRecord>) return check_modifiable(record);
    return {};
  }

  static std::unexpected<Error> no_inline_policy(const std::string& name) {
    return no_such_entity("The " + std::string(Kind::kNoun) + " policy with name " + name +
                          " cannot be found.");
  }

  static Result<api::Empty> put(State& state, Context& context,
                                const typename Kind::Put::Input& request) {
    const PolicyDocument document =
        TRY(parse_new_policy(request.policy_document, PolicyKind::identity));
    TRY(state.update<Record>(
        context.account(), Kind::name(request),
        [&](Record& record, store::Transaction&) -> Result<void> {
          TRY(check_changeable(record));
          record.inline_policies[request.policy_name] = request.policy_document;
          std::size_t characters = 0;
          for (const auto& [name, text] : record.inline_policies)
            characters += characters_without_space(text);
          if (characters > Kind::kInlineCharactersMax)
            return limit_exceeded(
                "Maximum policy size of " + std::to_string(Kind::kInlineCharactersMax) +
                " bytes exceeded for " + std::string(Kind::kNoun) + " " + record.name);
          return {};
        }));
    warn_of_unknown_keys(context, document);
    return api::Empty{};
  }

  static Result<typename Kind::Get::Output> get(State& state, const Context& context,
                                                const typename Kind::Get::Input& request) {
    const Record record = TRY(state.get<Record>(context.account(), Kind::name(request)));
    const auto found = record.inline_policies.find(request.policy_name);
    if (found == record.inline_policies.end()) return no_inline_policy(request.policy_name);
    return typename Kind::Get::Output{record.name, found->first, percent_encode(found->second)};
  }

  static Result<api::Empty> remove(State& state, const Context& context,
                                   const typename Kind::Delete::Input& request) {
    TRY(state.update<Record>(context.account(), Kind::name(request),
                             [&](Record& record, store::Transaction&) -> Result<void> {
                               TRY(check_changeable(record));
                               if (record.inline_policies.erase(request.policy_name) == 0)
                                 return no_inline_policy(request.policy_name);
                               return {};
                             }));
    return api::Empty{};
  }

  static Result<typename Kind::List::Output> list(State& state, const Context& context,
                                                  const typename Kind::List::Input& request) {
    const Record record = TRY(state.get<Record>(context.account(), Kind::name(request)));
    std::vector<std::string> names;
    names.reserve(record.inline_policies.size());
    for (const auto& [name, text] : record.inline_policies) names.push_back(name);
    auto page = TRY(slice(std::move(names), std::identity(), request.marker, request.max_items));
    typename Kind::List::Output out;
    out.policy_names = std::move(page.items);
    out.is_truncated = page.is_truncated;
    out.marker = std::move(page.marker);
    return out;
  }

  static Result<api::Empty> attach(State& state, const Context& context,
                                   const typename Kind::Attach::Input& request) {
    const std::string& arn = request.policy_arn;
    TRY(state.update<Record>(
        context.account(), Kind::name(request),
        [&](Record& record, store::Transaction& transaction) -> Result<void> {
          TRY(check_changeable(record));
          auto& attached = record.attached_policies;
          if (std::ranges::find(attached, arn) != attached.end()) return {};
          const Result<void> held = state.hold_policy(transaction, record.account, arn);
          if (!held && held.error().code == "NoSuchEntity") return not_attachable(arn);
          TRY(held);
          if (attached.size() >= kAttachedPoliciesMax)
            return limit_exceeded("Cannot exceed quota for " + std::string(Kind::kQuota) + ": " +
                                  std::to_string(kAttachedPoliciesMax));
          attached.push_back(arn);
          return {};
        }));
    return api::Empty{};
  }

  static Result<api::Empty> detach(State& state, const Context& context,
                                   const typename Kind::Detach::Input& request) {
    const std::string& arn = request.policy_arn;
    TRY(state.update<Record>(context.account(), Kind::name(request),
                             [&](Record& record, store::Transaction&) -> Result<void> {
                               TRY(check_changeable(record));
                               if (std::erase(record.attached_policies, arn) == 0)
                                 return no_such_entity("Policy " + arn + " was not found.");
                               return {};
                             }));
    return api::Empty{};
  }

  static Result<typename Kind::ListAttached::Output> list_attached(
      State& state, const Context& context, const typename Kind::ListAttached::Input& request) {
    const Record record = TRY(state.get<Record>(context.account(), Kind::name(request)));
    const std::string path_prefix = ":policy" + request.path_prefix.value_or("/");
    std::vector<std::string> arns;
    for (const std::string& arn : record.attached_policies)
      if (arn.find(path_prefix) != arn.npos) arns.push_back(arn);
    auto page = TRY(slice(std::move(arns), std::identity(), request.marker, request.max_items));
    typename Kind::ListAttached::Output out;
    out.attached_policies.emplace();
    for (const std::string& arn : page.items)
      out.attached_policies->push_back({arn.substr(arn.rfind('/') + 1), arn});
    out.is_truncated = page.is_truncated;
    out.marker = std::move(page.marker);
    return out;
  }
};

}  // namespace tidemill::services::iam
