// A caller with all that decides what it may; internal to services/iam.
#pragma once

#include <memory>

#include "services/iam/authorization/authorize.h"
#include "services/iam/authorization/facts.h"
#include "services/iam/credentials/credential_store.h"
#include "services/iam/iam_service.h"
#include "services/iam/state.h"

namespace tidemill::services::iam {

struct IamService::Asking {
  const RequestFacts& facts;
  const Principal& principal;
  // The policies of the caller's role or user. nullptr: root, or nothing is allowed.
  std::shared_ptr<const PrincipalPolicies> policies = nullptr;
  bool is_role = false;       // else a user
  bool is_federated = false;  // somebody whom the user vouched for
  // The principal's tags, where its session has some of its own; those come first.
  std::optional<std::map<std::string, std::string>> session_tags = std::nullopt;
  // nullptr: a user's own key, or the server acts for the role.
  std::shared_ptr<const Session> session = nullptr;
};

// Finds the records of the account that a call's input names. Borrows both.
EntityFinder entities_of(State& state, std::string_view account);

}  // namespace tidemill::services::iam
