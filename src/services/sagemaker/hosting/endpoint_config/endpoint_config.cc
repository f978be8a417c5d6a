#include "services/sagemaker/hosting/endpoint_config/endpoint_config.h"

#include "services/sagemaker/common/listing/listing.h"

namespace tidemill::services::sagemaker::hosting {

TIDEMILL_RECORD_CODEC(EndpointConfigRecord)

const store::Table<EndpointConfigRecord>& endpoint_configs() {
  static const store::Table<EndpointConfigRecord> table{
      "sagemaker_endpoint_configs",
      {{"by_created",
        [](const EndpointConfigRecord& config) {
          return std::vector<std::string>{
              creation_index_key(config.account, config.region, config.created, config.name())};
        }}},
      [](const EndpointConfigRecord& record) -> std::string_view {
        return record.arn.empty() || record.name().empty() ? "it must have a name and an ARN" : "";
      }};
  return table;
}

std::string endpoint_config_key(std::string_view account, std::string_view region,
                                std::string_view name) {
  return store::key({account, region, name});
}

std::string endpoint_config_arn(std::string_view account, std::string_view region,
                                std::string_view name) {
  return "arn:aws:sagemaker:" + std::string(region) + ":" + std::string(account) +
         ":endpoint-config/" + std::string(name);
}

Result<store::Versioned<EndpointConfigRecord>> find_endpoint_config(store::Store& store,
                                                                    const std::string& account,
                                                                    const std::string& region,
                                                                    const std::string& name) {
  auto found = endpoint_configs().get(store, endpoint_config_key(account, region, name));
  if (!found) return internal_failure(found.error());
  if (!*found)
    return fail("ValidationException", "Could not find endpoint configuration \"" +
                                           endpoint_config_arn(account, region, name) + "\".");
  return std::move(**found);
}

}  // namespace tidemill::services::sagemaker::hosting
