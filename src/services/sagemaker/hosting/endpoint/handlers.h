// The operations on endpoints.
#pragma once

#include <chrono>

#include "api/sagemaker/endpoint.h"
#include "services/platform/handlers/handlers.h"
#include "services/sagemaker/common/dependencies.h"
#include "services/sagemaker/hosting/endpoint/components.h"
#include "services/sagemaker/hosting/endpoint/endpoint.h"
#include "services/sagemaker/hosting/endpoint_config/endpoint_config.h"
#include "services/sagemaker/hosting/model/model.h"

namespace tidemill::services::sagemaker::hosting {

// A Describe of an endpoint or a component on its way waits this long for the next status: the
// waiters of the SDKs poll every 30 seconds.
inline constexpr std::chrono::milliseconds kHeldDescribe{20'000};

class EndpointHandlers {
 public:
  // Borrows the components.
  EndpointHandlers(const Dependencies& dependencies, EndpointComponents& components)
      : in_(dependencies), components_(components) {}
  // Registered handlers refer to this.
  void add_to(Registry& registry);

 private:
  Result<api::sagemaker::CreateEndpointOutput> create(
      Context& context, const api::sagemaker::CreateEndpointInput& request);
  void describe(Context& context, const api::sagemaker::DescribeEndpointInput& request,
                Respond<api::sagemaker::DescribeEndpointOutput> respond);
  Result<api::sagemaker::ListEndpointsOutput> list(
      Context& context, const api::sagemaker::ListEndpointsInput& request);
  Result<api::sagemaker::UpdateEndpointOutput> update(
      Context& context, const api::sagemaker::UpdateEndpointInput& request);
  Result<api::sagemaker::UpdateEndpointWeightsAndCapacitiesOutput> update_weights(
      Context& context, const api::sagemaker::UpdateEndpointWeightsAndCapacitiesInput& request);
  Result<api::Empty> remove(Context& context, const api::sagemaker::DeleteEndpointInput& request);

  Result<Endpoint> find(const Context& context, const std::string& name);
  Result<DeploymentRequest> make_request(const Context& context, const std::string& config_name,
                                         const char* operation);
  Result<Variant> make_variant(const Context& context,
                               const api::sagemaker::ProductionVariant& variant,
                               const EndpointConfigRecord& config);
  Result<void> send(const Endpoint& endpoint, const engine::Event& event);
  std::string fleet_id();

  Dependencies in_;
  EndpointComponents& components_;
};

// The answer of a Describe, made from the record.
api::sagemaker::DescribeEndpointOutput describe_endpoint(const Endpoint& endpoint);

}  // namespace tidemill::services::sagemaker::hosting
