// Shared by the tests of IAM and STS: a service over the memory store, called through its
// registry.
#pragma once

#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/random.h"
#include "services/iam/iam_service.h"
#include "services/platform/handlers/handlers.h"
#include "store/memory/memory_store.h"

namespace tidemill::services::iam {

inline constexpr const char* kAccount = "123456789012";
inline constexpr const char* kTrustSageMaker =
    R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow",
        "Principal":{"Service":"sagemaker.amazonaws.com"},"Action":"sts:AssumeRole"}]})";
inline constexpr const char* kTrustAccount =
    R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow",
        "Principal":{"AWS":"123456789012"},"Action":"sts:AssumeRole"}]})";

class IamTest : public testing::Test {
 protected:
  explicit IamTest(bool accept_any = false) { start(accept_any); }

  // A second call is a restart: the store stays.
  void start(bool accept_any) {
    registry_ = std::make_unique<Registry>();
    service_.reset();
    service_ = IamService::open(*store_, clock_, *random_, {root_key_, accept_any}).value();
    service_->add_to(*registry_);
  }

  template <class Op>
  Result<typename Op::Output> call(const typename Op::Input& input) {
    const Handler* handler = registry_->find(Op::operation());
    if (!handler) return fail("NotImplemented", "no handler");
    Value value = TRY(run_and_wait(*handler, context_, to_value(input)));
    typename Op::Output output{};
    TRY(from_value(value, output));
    return output;
  }
  template <class Op>
  std::string code(const typename Op::Input& input) {
    auto result = call<Op>(input);
    return result ? "ok" : result.error().code;
  }

  static Context root_context() {
    Context context;
    context.principal = {kAccount, "arn:aws:iam::123456789012:root", kAccount, "AKIAROOT", true};
    return context;
  }
  static Context role_context(const TemporaryCredentials& credentials) {
    Context context;
    context.principal = {kAccount, credentials.assumed_role_arn, credentials.assumed_role_id,
                         credentials.access_key_id, false};
    return context;
  }

  RootKey root_key_{"AKIAROOT", "secret", kAccount};
  ManualClock clock_{Timestamp{1'795'447'062'500'000}};  // 2026-11-23T15:17:42.5Z
  std::unique_ptr<Random> random_ = make_seeded_random(11);
  std::unique_ptr<store::Store> store_ = store::make_memory_store(IamService::tables());
  std::unique_ptr<Registry> registry_;
  std::unique_ptr<IamService> service_;
  Context context_ = root_context();
};

}  // namespace tidemill::services::iam
