// Endpoint configurations: which models an endpoint runs, on what, and with which shares.
#pragma once

#include <boost/describe.hpp>
#include <string>

#include "api/sagemaker/endpoint_config.h"
#include "services/platform/handlers/handlers.h"
#include "services/sagemaker/hosting/model/model.h"
#include "store/table.h"

namespace tidemill::services::sagemaker::hosting {

struct EndpointConfigRecord {
  std::string account, region, arn;
  api::sagemaker::CreateEndpointConfigInput request;
  Timestamp created;

  const std::string& name() const { return request.endpoint_config_name; }
};
TIDEMILL_RECORD(EndpointConfigRecord, (), (account, region, arn, request, created))

const store::Table<EndpointConfigRecord>& endpoint_configs();
std::string endpoint_config_key(std::string_view account, std::string_view region,
                                std::string_view name);
std::string endpoint_config_arn(std::string_view account, std::string_view region,
                                std::string_view name);
// ValidationException "Could not find endpoint configuration ..." when there is none.
Result<store::Versioned<EndpointConfigRecord>> find_endpoint_config(store::Store& store,
                                                                    const std::string& account,
                                                                    const std::string& region,
                                                                    const std::string& name);

// Instances of one variant: each is a process of this machine.
inline constexpr std::int64_t kInstancesPerVariantMax = 32;

// Checks across members, and that nothing is asked for that is not there. ValidationException.
Result<void> check_endpoint_config(const api::sagemaker::CreateEndpointConfigInput& request);

// The part about asynchronous inference. ValidationException.
Result<void> check_async_config(const api::sagemaker::AsyncInferenceConfig& config);

// CreateEndpointConfig, DescribeEndpointConfig, ListEndpointConfigs, DeleteEndpointConfig.
void add_endpoint_config_operations(Registry& registry, const Dependencies& dependencies);

}  // namespace tidemill::services::sagemaker::hosting
