// Bucket policies: kept and checked here, evaluated by IAM.
#pragma once

#include "services/iam/interface.h"
#include "services/s3/common/core.h"

namespace tidemill::services::s3 {

void add_bucket_policy_operations(Registry& registry, Core& core);

// Gives IAM the buckets' policies. Thread-safe.
class BucketPolicies final : public iam::ResourcePolicySource {
 public:
  explicit BucketPolicies(const Buckets& buckets) : buckets_(buckets) {}
  bool has_any() const override { return buckets_.any_policy(); }
  Result<std::optional<iam::ResourcePolicy>> find(std::string_view arn) override;

 private:
  const Buckets& buckets_;
};

}  // namespace tidemill::services::s3
