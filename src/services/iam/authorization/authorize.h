// Translates an operation and its input into the terms of policies: actions and the ARNs of records
// that it works on, as Describe shows them, however the caller spelled them.
// https://docs.aws.amazon.com/service-authorization/latest/reference/
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/authorization.h"
#include "base/schema.h"
#include "base/value.h"
#include "services/iam/authorization/facts.h"
#include "services/iam/interface.h"

namespace tidemill::services::iam {

struct OperationCall {
  const schema::Service& service;
  const schema::Operation& operation;
  std::string_view account;
  std::string_view region;
  const Value& input;
  std::string_view calling_user = {};  // the name of the user who calls, or empty
};

// The record that IAM keeps under a name, whatever the name's case; nullopt: there is none.
enum class EntityKind { role, user, group, instance_profile };
struct NamedEntity {
  std::string arn;
  std::string boundary;  // the ARN of its permissions boundary, or empty
};
using EntityFinder =
    std::function<Result<std::optional<NamedEntity>>(EntityKind kind, std::string_view name)>;

// Empty for what every caller may do, and for AssumeRole, where the role's trust policy takes part.
// The service's error when the input names something in another partition, region or account, or in
// a malformed way.
Result<std::vector<RequiredAction>> required_actions(const OperationCall& call,
                                                     const EntityFinder& find_entity);
// The rule of an action ("s3:GetObject"), or nullptr.
const api::ActionRule* rule_of(std::string_view action);
// Whether required_actions() knows what the operation needs.
bool has_rule(const schema::Service& service, const schema::Operation& operation);

}  // namespace tidemill::services::iam
