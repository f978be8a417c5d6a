// Whether policies let an action happen: an explicit Deny wins, then an Allow, else no.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
#pragma once

#include <optional>
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
  const ConditionSource& context;
  // The same resource's other name, or empty: log groups are written with and without ":*".
  std::string_view alias = {};
};

// A policy and where it came from.
struct NamedPolicy {
  std::string id;    // "AmazonS3FullAccess", "role_r_inline"
  std::string type;  // SimulatePrincipalPolicy's: "IAM Policy"
  PolicyDocument document;
  std::string arn = {};  // of a managed policy
};

enum class Decision { implicit_deny, allowed, explicit_deny };

struct Evaluation {
  Decision decision = Decision::implicit_deny;
  // A statement that led to the decision. Borrowed from the policies.
  struct Match {
    const NamedPolicy* policy;
    const Statement* statement;
  };
  std::vector<Match> matched;
  // Condition keys that were asked for and are not in the context.
  std::vector<std::string> missing_context_keys;
};
Evaluation evaluate(std::span<const NamedPolicy> policies, const Question& question);
// The same without the reasons.
Decision decide(std::span<const NamedPolicy> policies, const Question& question);

// The caller, as the Principal element sees it.
struct PrincipalCandidate {
  std::string_view service = {};   // "sagemaker.amazonaws.com"; or
  std::string_view provider = {};  // the ARN of an identity provider; or, for a caller:
  std::string_view account = {};
  std::string_view arn = {};       // its own, and of an assumed role also
  std::string_view role_arn = {};  // the role's
};
// The answer of a resource's own policy about a caller.
enum class Grant {
  none,
  denied,   // by a Deny
  account,  // the whole account is trusted, so the caller's own policies decide
  role,     // the caller's role is named: what bounds the role still bounds it
  direct,   // the caller itself, its service, or everybody
};
// The functions below are for documents of the kinds `trust` and `resource`: the policies of roles,
// buckets, queues, ...
// The grant of one statement to the caller, regardless of the request's action and resource.
Grant grant_of(const Statement& statement, const PrincipalCandidate& candidate);
// Whether the statement covers the question's action and resource, and its conditions hold.
bool applies(const Statement& statement, const Question& question);
Grant evaluate_resource_policy(const PolicyDocument& document, const PrincipalCandidate& candidate,
                               const Question& question);

// All that is attached to a caller. Borrowed.
struct CallerPolicies {
  std::span<const NamedPolicy> identity;
  std::optional<std::span<const NamedPolicy>> boundary = std::nullopt;
  std::optional<std::span<const NamedPolicy>> session = std::nullopt;
  bool root = false;  // of its account: allowed all that no resource denies
};
struct ResourceSide {
  Grant grant = Grant::none;
  bool same_account = true;
  // Without a grant nobody may: role trust policies and keys, where the account's own policies are
  // not enough.
  bool must_grant = false;
};
// The one decision over everything: Deny anywhere wins; within an account the caller's or the
// resource's policies allow, across accounts both must; a boundary and a session's policies narrow.
Decision decide(const CallerPolicies& caller, const std::optional<ResourceSide>& resource,
                const Question& question);

}  // namespace tidemill::services::iam
