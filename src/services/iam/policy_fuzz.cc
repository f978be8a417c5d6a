// Policy documents of customers: whatever comes is refused or decides, and a Deny of everything
// wins.
#include <cstdint>
#include <cstdlib>

#include "services/iam/policy_language/evaluate.h"

using namespace tidemill::services::iam;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const ConditionValues values{{"aws:username", {"u"}}, {"s3:prefix", {"a", "b"}}};
  const GivenConditions context(values);
  if (auto trust = parse_policy(text, PolicyKind::trust))
    (void)evaluate_resource_policy(
        *trust, {.account = "111122223333", .arn = "arn:aws:iam::111122223333:root"},
        {"sts:AssumeRole", "arn:aws:iam::111122223333:role/r", context});
  auto identity = parse_policy(text, PolicyKind::identity);
  if (!identity) return 0;
  std::vector<NamedPolicy> policies;
  policies.push_back({"fuzz", "IAM Policy", *std::move(identity)});
  const Question question{"s3:GetObject", "arn:aws:s3:::b/k", context};
  (void)evaluate(policies, question);
  policies.push_back(
      {"deny", "IAM Policy", {{}, {{.allow = false, .actions = {"*"}, .resources = {"*"}}}}});
  if (evaluate(policies, question).decision != Decision::explicit_deny) std::abort();
  return 0;
}
