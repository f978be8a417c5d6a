// The operations on inference components.
#pragma once

#include "services/platform/handlers/handlers.h"
#include "services/sagemaker/common/dependencies.h"
#include "services/sagemaker/hosting/endpoint/handlers.h"
#include "services/sagemaker/hosting/inference_component/hosted_components.h"
#include "services/sagemaker/hosting/inference_component/inference_component.h"
#include "services/sagemaker/hosting/inference_component/rules.h"

namespace tidemill::services::sagemaker::hosting {

class ComponentHandlers {
 public:
  ComponentHandlers(const Dependencies& dependencies, HostedComponents& hosted)
      : in_(dependencies), hosted_(hosted) {}
  // Registered handlers refer to this.
  void add_to(Registry& registry);

 private:
  Result<api::sagemaker::CreateInferenceComponentOutput> create(
      Context& context, const api::sagemaker::CreateInferenceComponentInput& request);
  void describe(Context& context, const api::sagemaker::DescribeInferenceComponentInput& request,
                Respond<api::sagemaker::DescribeInferenceComponentOutput> respond);
  Result<api::sagemaker::ListInferenceComponentsOutput> list(
      Context& context, const api::sagemaker::ListInferenceComponentsInput& request);
  Result<api::sagemaker::UpdateInferenceComponentOutput> update(
      Context& context, const api::sagemaker::UpdateInferenceComponentInput& request);
  Result<api::sagemaker::UpdateInferenceComponentRuntimeConfigOutput> update_copies(
      Context& context, const api::sagemaker::UpdateInferenceComponentRuntimeConfigInput& request);
  Result<api::Empty> remove(Context& context,
                            const api::sagemaker::DeleteInferenceComponentInput& request);

  Result<InferenceComponent> find(const Context& context, const std::string& name);
  Result<ComponentUpdate> make_update(const InferenceComponent& component, const Variant& host,
                                      const ComponentSpecification& specification,
                                      std::int64_t copies);
  // Whether there is room for this claim instead of what its component holds now.
  Result<void> check_room_for(const Endpoint& endpoint, const Variant& host, const Claim& wanted);
  Result<void> change_copies(const InferenceComponent& component, const Endpoint& endpoint,
                             std::int64_t copies);
  Result<void> send(const InferenceComponent& component, const engine::Event& event);

  Dependencies in_;
  HostedComponents& hosted_;
};

// The answer of a Describe, made from the record.
api::sagemaker::DescribeInferenceComponentOutput describe_component(
    const InferenceComponent& component);

}  // namespace tidemill::services::sagemaker::hosting
