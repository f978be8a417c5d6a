// The invariants of hosting's records.
#include <gtest/gtest.h>

#include "services/sagemaker/common/tags/tags.h"
#include "services/sagemaker/hosting/async_inference/async_invocation.h"
#include "services/sagemaker/hosting/endpoint/deployment.h"
#include "services/sagemaker/hosting/endpoint/endpoint_names.h"
#include "services/sagemaker/hosting/endpoint_config/endpoint_config.h"
#include "services/sagemaker/hosting/inference_component/inference_component.h"

namespace tidemill::services::sagemaker::hosting {
namespace {

TEST(HostingInvariants, Component_inServiceAnswers) {
  InferenceComponent component;
  component.name = "c";
  component.arn = "arn";
  component.endpoint = "e";
  EXPECT_EQ(invariant(component), "");
  component.status = component_status::kInService;
  EXPECT_NE(invariant(component), "");
  component.active.emplace().id = "f1";
  EXPECT_EQ(invariant(component), "");
  component.status = component_status::kDeleting;
  EXPECT_NE(invariant(component), "");
  component.deleting_since = Timestamp{1};
  EXPECT_EQ(invariant(component), "");
  component.status = "Odd";
  EXPECT_NE(invariant(component), "");
}

TEST(HostingInvariants, Component_withAPendingFleetHasARollout) {
  InferenceComponent component;
  component.name = "c";
  component.arn = "arn";
  component.endpoint = "e";
  component.pending.emplace().id = "f2";
  EXPECT_NE(invariant(component), "");
  component.rollout.emplace();
  EXPECT_NE(invariant(component), "");
  component.next_specification.emplace();
  EXPECT_EQ(invariant(component), "");
  component.active.emplace().id = "f2";
  EXPECT_NE(invariant(component), "") << "one fleet cannot replace itself";
}

TEST(HostingInvariants, Invocation_thatRunsWasBegunAndThatFailsSaysWhy) {
  AsyncInvocation invocation;
  invocation.endpoint = "e";
  invocation.id = "1";
  EXPECT_EQ(invariant(invocation), "");
  invocation.phase = AsyncPhase::running;
  EXPECT_NE(invariant(invocation), "");
  invocation.attempts = 1;
  EXPECT_EQ(invariant(invocation), "");
  invocation.phase = AsyncPhase::failing;
  EXPECT_NE(invariant(invocation), "");
  invocation.failure = "why";
  EXPECT_EQ(invariant(invocation), "");
}

TEST(HostingInvariants, Tables_checkWhatIsWritten) {
  store::Transaction transaction;
  EXPECT_DEATH(models().put(transaction, "k", {}, 0), "sagemaker_models.*k");
  EXPECT_DEATH(endpoint_configs().put(transaction, "k", {}, 0), "sagemaker_endpoint_configs");
  EXPECT_DEATH(endpoint_names().put(transaction, "k", {}, 0), "sagemaker_endpoint_names");
  EXPECT_DEATH(deployments().put(transaction, "k", {}, 0), "sagemaker_deployments");
  EXPECT_DEATH(endpoints().put(transaction, "k", {}, 0), "sagemaker_endpoints");
  EXPECT_DEATH(inference_components().put(transaction, "k", {}, 0),
               "sagemaker_inference_components");
  EXPECT_DEATH(async_invocations().put(transaction, "k", {}, 0), "sagemaker_async_invocations");
  EXPECT_DEATH(resource_tags().put(transaction, "k", {}, 0), "sagemaker_tags");
}

}  // namespace
}  // namespace tidemill::services::sagemaker::hosting
