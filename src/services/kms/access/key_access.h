// KMS's side of authorization: which keys an operation names, the condition keys of its request,
// key policies and grants. IAM decides.
// https://docs.aws.amazon.com/kms/latest/developerguide/policy-evaluation.html
#pragma once

#include "services/kms/common/keys.h"

namespace tidemill::services::kms {

// Thread-safe.
class KeyAccess final : public iam::ResourcePolicySource, public iam::OperationActions {
 public:
  explicit KeyAccess(Core& core) : core_(core) {}

  // Always: a key's policy binds its account's root as well.
  bool has_any() const override { return true; }
  Result<std::optional<iam::ResourcePolicy>> find(std::string_view arn) override;
  Result<bool> grants(std::string_view arn, std::string_view action, const iam::Grantee& grantee,
                      const iam::ConditionContext& conditions) override;
  Result<std::vector<iam::RequiredAction>> required_actions(const Context& context,
                                                            std::string_view operation,
                                                            const Value& input) override;

 private:
  struct Request;
  // The action on the key that the member names. Adds the alias too for operations on aliases.
  Result<iam::RequiredAction> on_key(const Request& request, std::string_view action,
                                     std::string_view key_id);
  Result<iam::RequiredAction> on_ciphertext_key(const Request& request, std::string_view action,
                                                std::string_view key_member,
                                                std::string_view context_member);
  Result<std::vector<iam::RequiredAction>> on_alias(const Request& request);
  Result<std::vector<iam::RequiredAction>> to_re_encrypt(const Request& request);
  Result<std::vector<iam::RequiredAction>> to_retire(const Request& request);
  Result<void> add_key_conditions(const KeyRecord& key, const std::string& alias,
                                  iam::ConditionContext& conditions);

  Core& core_;
};

}  // namespace tidemill::services::kms
