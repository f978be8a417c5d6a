// Whether policies let an action happen: an explicit Deny wins, then an Allow, else no.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "services/iam/policy_language/condition.h"
#include "services/iam/policy_language/document.h"

namespace tidemill::services::iam {

struct Question {
  std::string_view action;    // "s3:GetObject"
  std::string_view resource;  // an ARN or "*"
  const ConditionValues& context;
};

// A policy and where it came from.
struct NamedPolicy {
  std::string id;    // "AmazonS3FullAccess", "role_r_inline"
  std::string type;  // SimulatePrincipalPolicy's: "IAM Policy"
  PolicyDocument document;
};

enum class Decision { implicit_deny, allowed, explicit_deny };

struct Evaluation {
  Decision decision = Decision::implicit_deny;
  // Policies with a statement that decided.
  std::vector<const NamedPolicy*> matched;
  // Condition keys that were asked for and are not in the context.
  std::vector<std::string> missing_context_keys;
};
Evaluation evaluate(std::span<const NamedPolicy> policies, const Question& question);

// Who wants to assume a role.
struct TrustCandidate {
  std::string_view service;  // "sagemaker.amazonaws.com"; or, for a caller:
  std::string_view account;
  std::string_view arn;       // its own, and of an assumed role also
  std::string_view role_arn;  // the role's
};
enum class Trust {
  none,
  denied,   // by a Deny
  account,  // the whole account is trusted, so the caller's own policies decide
  direct,
};
Trust evaluate_trust(const PolicyDocument& document, const TrustCandidate& candidate,
                     std::string_view action, const ConditionValues& context);

}  // namespace tidemill::services::iam
