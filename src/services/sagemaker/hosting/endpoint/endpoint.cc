#include "services/sagemaker/hosting/endpoint/endpoint.h"

#include "services/sagemaker/common/listing/listing.h"
#include "services/sagemaker/hosting/endpoint/invariant.h"

namespace tidemill::services::sagemaker::hosting {

TIDEMILL_RECORD_CODEC(Endpoint)
TIDEMILL_RECORD_CODEC(DeploymentRequest)
TIDEMILL_RECORD_CODEC(CapacityChange)
TIDEMILL_RECORD_CODEC(CapacityRequest)

const store::Table<Endpoint>& endpoints() {
  static const store::Table<Endpoint> table{
      "sagemaker_endpoints",
      {{"by_created",
        [](const Endpoint& each) {
          return std::vector<std::string>{
              creation_index_key(each.account, each.region, each.created, each.name)};
        }},
       {"by_status",
        [](const Endpoint& each) {
          return std::vector<std::string>{
              store::key({each.account, each.region, each.status, each.name})};
        }}},
      &invariant};
  return table;
}

std::string endpoint_key(std::string_view account, std::string_view region, std::string_view name) {
  return store::key({account, region, name});
}

std::string endpoint_arn(std::string_view account, std::string_view region, std::string_view name) {
  return "arn:aws:sagemaker:" + std::string(region) + ":" + std::string(account) + ":endpoint/" +
         std::string(name);
}

FleetOwner owner_of(const Endpoint& endpoint) {
  return {kEndpointJobKind, endpoint.account,    endpoint.region,
          endpoint.name,    endpoint.server_url, kEndpointLogGroup + endpoint.name};
}

}  // namespace tidemill::services::sagemaker::hosting
