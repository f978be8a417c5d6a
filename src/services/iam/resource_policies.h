// The policies that hang on resources (buckets, queues), as requests are authorized: where they are
// read, and the documents parsed.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "services/iam/interface.h"
#include "services/iam/policy_language/evaluate.h"

namespace tidemill::services::iam {

// The actions that read or write a resource's policy itself.
bool administers_policy(std::string_view action);

// Thread-safe once the sources are added.
class ResourcePolicies {
 public:
  void add(std::string_view service, ResourcePolicySource& source);
  bool has_any(std::string_view service) const;
  // nullopt: the action's service has no such policies, or there is no such resource.
  Result<std::optional<ResourcePolicy>> find(std::string_view action, std::string_view arn) const;
  Result<bool> grants(std::string_view action, std::string_view arn, const Grantee& grantee,
                      const ConditionContext& conditions) const;
  Result<AclGrant> acl_grant(const AclQuestion& question) const;
  // A document that does not parse denies: nobody knows what it was to forbid.
  Result<Grant> evaluate(const std::string& document, const PrincipalCandidate& candidate,
                         const Question& question);

 private:
  std::shared_ptr<const PolicyDocument> parsed(const std::string& document);

  // nullptr: the action's service has none, or the resource is no ARN.
  ResourcePolicySource* source_of(std::string_view action, std::string_view arn) const;

  std::map<std::string, ResourcePolicySource*, std::less<>> sources_;
  std::mutex mutex_;
  // By the document's text; nullptr: it does not parse. Guarded by mutex_. Shared with the requests
  // that are being authorized.
  std::unordered_map<std::string, std::shared_ptr<const PolicyDocument>> parsed_;
};

}  // namespace tidemill::services::iam
