// Permissions boundaries, which roles and users have alike.
#pragma once

#include "api/iam/shared.h"
#include "services/iam/errors.h"
#include "services/iam/role/service_linked.h"
#include "services/iam/state.h"

namespace tidemill::services::iam {

inline api::iam::AttachedPermissionsBoundary api_boundary(const std::string& policy_arn) {
  // The model's enum says "PermissionsBoundaryPolicy", but AWS answers this.
  return {"Policy", policy_arn};
}

// NoSuchEntity when there is no such policy.
template <class Record>
Result<api::Empty> set_boundary(State& state, const Context& context, const std::string& name,
                                const std::string& policy_arn) {
  TRY(state.update<Record>(context.account(), name,
                           [&](Record& record, store::Transaction& transaction) -> Result<void> {
                             if constexpr (std::is_same_v<Record, RoleRecord>)
                               TRY(check_modifiable(record));
                             TRY(state.hold_policy(transaction, record.account, policy_arn));
                             record.permissions_boundary = policy_arn;
                             return {};
                           }));
  return api::Empty{};
}

// Succeeds only when there is one, as AWS does.
template <class Record>
Result<api::Empty> remove_boundary(State& state, const Context& context, const std::string& name) {
  TRY(state.update<Record>(
      context.account(), name, [&](Record& record, store::Transaction&) -> Result<void> {
        if constexpr (std::is_same_v<Record, RoleRecord>) TRY(check_modifiable(record));
        if (!record.permissions_boundary)
          return no_such_entity("The entity does not have a permissions boundary.");
        record.permissions_boundary.reset();
        return {};
      }));
  return api::Empty{};
}

}  // namespace tidemill::services::iam
