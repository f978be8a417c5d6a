// The condition keys of one request, each answered when a policy first asks for it.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/authorization.h"
#include "base/schema.h"
#include "base/value.h"
#include "services/iam/authorization/facts.h"
#include "services/iam/policy_language/condition.h"

namespace tidemill::services::iam {

// The question: one action on one resource. Borrowed.
struct AskedAction {
  std::string_view action;    // "s3:GetObject"
  std::string_view resource;  // an ARN or "*"
  const api::ActionRule* rule = nullptr;
  const Value* input = nullptr;  // of the operation; nullptr: the server asks for itself
  const schema::Operation* operation = nullptr;
  const ConditionContext* given = nullptr;  // further keys, which come first
  std::string_view resource_account = {};   // empty: the caller's
  bool granted = false;                     // as RequiredAction's
};

class RequestConditions final : public ConditionSource {
 public:
  // The arguments must outlive it.
  RequestConditions(const RequestFacts& facts, const CallerFacts& caller, const AskedAction& asked,
                    const TagSources& tags)
      : facts_(facts), caller_(caller), asked_(asked), tags_(tags) {}
  KeyAnswer find(const std::string& lower_key) const override;

 private:
  struct Slot {
    bool known = true;
    std::vector<std::string> values;
  };
  Slot look_up(const std::string& key) const;
  std::optional<Slot> global_key(std::string_view key) const;
  std::optional<Slot> service_key(std::string_view key) const;
  Slot resource_tag(std::string_view name) const;

  const RequestFacts& facts_;
  const CallerFacts& caller_;
  const AskedAction& asked_;
  const TagSources& tags_;
  // Answers point into it.
  mutable std::map<std::string, Slot> slots_;
};

// Whether the server can tell what the key is in requests that have it.
bool is_evaluable_key(std::string_view lower_key);

// Values of the keys that begin with "s3:", of a request's input and headers; nullopt: not told
// here.
std::optional<std::vector<std::string>> s3_key_values(std::string_view name,
                                                      const AskedAction& asked,
                                                      const RequestFacts& facts,
                                                      std::string_view account);
bool is_s3_key(std::string_view name);
// "sagemaker:...".
std::optional<std::vector<std::string>> sagemaker_key_values(std::string_view name,
                                                             const AskedAction& asked,
                                                             std::string_view region,
                                                             std::string_view account);
bool is_sagemaker_key(std::string_view name);
// The tags that a request carries, in whichever form its operation has them.
std::vector<std::pair<std::string, std::string>> request_tags(const Value& input);
// Keys of tags alone, as operations that remove them have them.
std::vector<std::string> request_tag_keys(const Value& input);

}  // namespace tidemill::services::iam
