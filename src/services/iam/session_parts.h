// Functions that make sessions of every kind; internal to services/iam.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "services/iam/interface.h"
#include "services/iam/policy_language/role_arn.h"
#include "services/iam/records.h"

namespace tidemill::services::iam {

TemporaryCredentials to_credentials(const SessionRecord& session);
SessionRecord make_role_session(const RoleArn& role, const std::string& role_id,
                                std::string_view session_name, Timestamp expiration);
// aws:RequestTag/..., aws:TagKeys, sts:TransitiveTagKeys.
void add_tag_keys(const std::vector<SessionTag>& tags, const std::vector<std::string>& transitive,
                  ConditionContext& given);
// InvalidParameterValue. `caller`: the session that calls, or nullptr.
Result<void> check_session_tags(const std::vector<SessionTag>& tags,
                                const std::vector<std::string>& transitive,
                                const SessionRecord* caller);
// The tags that the calling session hands on, and those of the request.
void take_session_tags(const std::vector<SessionTag>& tags,
                       const std::vector<std::string>& transitive, const SessionRecord* caller,
                       SessionRecord& session);

}  // namespace tidemill::services::iam
