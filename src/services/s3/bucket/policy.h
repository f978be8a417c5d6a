// Bucket policies: kept and checked here, evaluated by IAM. Access control lists: evaluated here
// for IAM, which asks.
#pragma once

#include "services/iam/interface.h"
#include "services/s3/common/core.h"

namespace tidemill::services::s3 {

void add_bucket_policy_operations(Registry& registry, Core& core);

// Gives IAM the buckets' policies and access control lists. Thread-safe.
class BucketPolicies final : public iam::ResourcePolicySource {
 public:
  explicit BucketPolicies(Core& core) : core_(core) {}
  bool has_any() const override { return core_.buckets.any_policy(); }
  Result<std::optional<iam::ResourcePolicy>> find(std::string_view arn) override;
  Result<iam::AclGrant> acl_grant(const iam::AclQuestion& question) override;

 private:
  Core& core_;
};

}  // namespace tidemill::services::s3
