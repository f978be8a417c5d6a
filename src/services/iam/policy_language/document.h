// A policy document, parsed:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace tidemill::services::iam {

struct Condition {
  enum class Quantifier { none, for_any_value, for_all_values };
  Quantifier quantifier = Quantifier::none;
  std::string test;  // "StringLike", without quantifier and IfExists
  bool if_exists = false;
  std::string key;  // lower case
  std::vector<std::string> values;
};

struct PolicyPrincipal {
  std::string type;   // "AWS", "Service", "Federated", "CanonicalUser"; "*" for everybody
  std::string value;  // "sagemaker.amazonaws.com", an ARN, an account, "*"
};

// The place of a character in a document's text; lines and columns count from one.
struct TextPosition {
  std::int32_t line = 0, column = 0;
};

struct Statement {
  std::string id;
  bool allow = false;
  bool not_action = false;
  std::vector<std::string> actions;
  bool not_resource = false;
  std::vector<std::string> resources;
  bool has_principal = false;
  bool not_principal = false;
  std::vector<PolicyPrincipal> principals;
  std::vector<Condition> conditions;
  // The positions of its braces. Zero: the statement was not read from a text.
  TextPosition begin = {}, end = {};
};

struct PolicyDocument {
  std::string version = {};  // empty: the document has none
  std::vector<Statement> statements;
};

enum class PolicyKind {
  identity,  // attached to a role: resources, no principal
  trust,     // who may assume a role: principals, no resource
  resource,  // attached to a bucket, a queue, ...: principals and resources
};

// MalformedPolicyDocument in AWS's wording.
Result<PolicyDocument> parse_policy(std::string_view text, PolicyKind kind);

}  // namespace tidemill::services::iam
