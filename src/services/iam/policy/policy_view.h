// Policies as answers show them: customers' own, and AWS's.
#pragma once

#include <cstdlib>

#include "api/iam/policy.h"
#include "services/iam/managed_policies.h"
#include "services/iam/state.h"

namespace tidemill::services::iam {

inline std::string version_id(std::int64_t number) { return "v" + std::to_string(number); }

// An AWS policy in the form of a customer's, without its document; its account is "aws".
PolicyRecord shipped_record(const ManagedPolicy& shipped);
// A policy of the account or of AWS. NoSuchEntity, InvalidInput.
Result<PolicyRecord> any_policy(State& state, const Context& context, const std::string& arn);
// Without description and tags, which only some answers have.
api::iam::Policy api_policy(const PolicyRecord& record, const State::PolicyUse& use);
// Refuses a document that is malformed or too long.
Result<PolicyDocument> check_managed_document(const std::string& document);

}  // namespace tidemill::services::iam
