#include "services/sagemaker/hosting/async_inference/endpoint_target.h"

#include "services/sagemaker/hosting/async_inference/rules.h"
#include "services/sagemaker/hosting/endpoint/endpoint.h"

namespace tidemill::services::sagemaker::hosting {

Result<AsyncTarget> find_async_target(store::Store& store, std::string_view account,
                                      std::string_view region, std::string_view endpoint) {
  auto found = TRY(endpoints().get(store, endpoint_key(account, region, endpoint)));
  AsyncTarget target;
  if (!found || !found->record.active || found->record.status == endpoint_status::kDeleting)
    return target;
  const Fleet& fleet = *found->record.active;
  target.kind = AsyncTarget::Kind::not_asynchronous;
  if (!fleet.asynchronous) return target;
  target.kind = AsyncTarget::Kind::asynchronous;
  for (const Variant& variant : fleet.variants) target.instances += int(variant.ready_instances());
  if (!fleet.variants.empty()) {
    target.role_arn = fleet.variants.front().role_arn;
    target.role_since = fleet.variants.front().role_since;
  }
  const api::sagemaker::AsyncInferenceConfig& config = *fleet.asynchronous;
  target.concurrent_invocations_per_instance = kConcurrentInvocationsDefault;
  if (config.client_config && config.client_config->max_concurrent_invocations_per_instance)
    target.concurrent_invocations_per_instance =
        int(*config.client_config->max_concurrent_invocations_per_instance);
  target.output_path = config.output_config->s3_output_path.value_or("");
  target.failure_path = config.output_config->s3_failure_path.value_or("");
  return target;
}

}  // namespace tidemill::services::sagemaker::hosting
