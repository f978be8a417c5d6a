// A caller with all that decides what it may; internal to services/iam.
#pragma once

#include <memory>

#include "services/iam/authorization/facts.h"
#include "services/iam/credentials/credential_store.h"
#include "services/iam/iam_service.h"
#include "services/iam/state.h"

namespace tidemill::services::iam {

struct IamService::Asking {
  const RequestFacts& facts;
  const Principal& principal;
  std::shared_ptr<const RolePolicies> role = nullptr;  // nullptr: root, or nothing is allowed
  std::shared_ptr<const Session> session = nullptr;    // nullptr: the server acts for the role
};

}  // namespace tidemill::services::iam
