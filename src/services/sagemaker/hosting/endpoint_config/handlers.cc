#include "services/sagemaker/common/job_network.h"
#include "services/sagemaker/common/listing/listing.h"
#include "services/sagemaker/common/tags/tags.h"
#include "services/sagemaker/hosting/endpoint_config/endpoint_config.h"

namespace tidemill::services::sagemaker::hosting {
namespace {

namespace api = tidemill::api::sagemaker;
namespace operations = tidemill::api::sagemaker::operations;

class EndpointConfigHandlers {
 public:
  explicit EndpointConfigHandlers(const Dependencies& dependencies) : in_(dependencies) {}

  Result<api::CreateEndpointConfigOutput> create(Context& context,
                                                 const api::CreateEndpointConfigInput& request) {
    TRY(check_endpoint_config(request));
    const std::string& account = context.account();
    if (request.execution_role_arn)
      TRY(in_.iam.check_pass_role(context, *request.execution_role_arn, kServicePrincipal,
                                  hosting_source_arns(endpoint_config_arn(
                                      account, context.region, request.endpoint_config_name))));
    TRY(check_network_isolation(request.enable_network_isolation.value_or(false),
                                in_.compute.isolation()));
    TRY(check_models(context, request.production_variants));
    if (request.shadow_production_variants)
      TRY(check_models(context, *request.shadow_production_variants));
    EndpointConfigRecord record{
        account, context.region,
        endpoint_config_arn(account, context.region, request.endpoint_config_name), request,
        in_.clock.now()};
    const std::vector<api::Tag> tags = request.tags.value_or(std::vector<api::Tag>());
    TRY(check_tags(tags));
    record.request.tags.reset();
    store::Transaction transaction;
    endpoint_configs().put(transaction, endpoint_config_key(account, context.region, record.name()),
                           record, 0);
    put_tags(transaction, record.arn, tags);
    Result<void> committed = in_.store.commit(std::move(transaction));
    if (!committed && committed.error().code == codes::kConflict)
      return fail("ValidationException",
                  "Cannot create already existing endpoint configuration \"" + record.arn + "\".");
    if (!committed) return internal_failure(committed.error());
    return api::CreateEndpointConfigOutput{record.arn};
  }

  Result<api::DescribeEndpointConfigOutput> describe(
      Context& context, const api::DescribeEndpointConfigInput& request) {
    EndpointConfigRecord record = TRY(find(context, request.endpoint_config_name)).record;
    api::DescribeEndpointConfigOutput out;
    out.endpoint_config_name = record.name();
    out.endpoint_config_arn = record.arn;
    out.production_variants = record.request.production_variants;
    out.data_capture_config = record.request.data_capture_config;
    out.kms_key_id = record.request.kms_key_id;
    out.creation_time = record.created;
    out.execution_role_arn = record.request.execution_role_arn;
    out.shadow_production_variants = record.request.shadow_production_variants;
    out.async_inference_config = record.request.async_inference_config;
    out.vpc_config = record.request.vpc_config;
    out.enable_network_isolation = record.request.enable_network_isolation;
    out.metrics_config = record.request.metrics_config;
    return out;
  }

  Result<api::ListEndpointConfigsOutput> list(Context& context,
                                              const api::ListEndpointConfigsInput& request) {
    auto page = TRY(list_page(
        in_.store, endpoint_configs(), list_request(context.account(), context.region, request),
        [&](const EndpointConfigRecord& each) {
          return passes_filters(request, each.name(), each.created);
        },
        [](const EndpointConfigRecord& each) {
          return api::EndpointConfigSummary{each.name(), each.arn, each.created};
        }));
    api::ListEndpointConfigsOutput out;
    out.endpoint_configs = std::move(page.items);
    out.next_token = std::move(page.next_token);
    return out;
  }

  Result<tidemill::api::Empty> remove(Context& context,
                                      const api::DeleteEndpointConfigInput& request) {
    store::Versioned<EndpointConfigRecord> found = TRY(find(context, request.endpoint_config_name));
    store::Transaction transaction;
    endpoint_configs().erase(
        transaction,
        endpoint_config_key(context.account(), context.region, request.endpoint_config_name),
        found.version);
    erase_tags(transaction, found.record.arn);
    Result<void> committed = in_.store.commit(std::move(transaction));
    if (!committed && committed.error().code == codes::kConflict)
      return fail("ValidationException",
                  "Could not find endpoint configuration \"" + found.record.arn + "\".");
    if (!committed) return internal_failure(committed.error());
    return tidemill::api::Empty{};
  }

 private:
  Result<store::Versioned<EndpointConfigRecord>> find(const Context& context,
                                                      const std::string& name) {
    return find_endpoint_config(in_.store, context.account(), context.region, name);
  }

  Result<void> check_models(const Context& context,
                            const std::vector<api::ProductionVariant>& variants) {
    for (const api::ProductionVariant& variant : variants) {
      if (!variant.model_name) continue;  // it hosts inference components
      auto model = models().get(in_.store,
                                model_key(context.account(), context.region, *variant.model_name));
      if (!model) return internal_failure(model.error());
      if (!*model)
        return fail("ValidationException",
                    "Could not find model \"" +
                        model_arn(context.account(), context.region, *variant.model_name) + "\".");
    }
    return {};
  }

  Dependencies in_;
};

}  // namespace

void add_endpoint_config_operations(Registry& registry, const Dependencies& dependencies) {
  // Shared: by the handlers, which the registry copies.
  auto handlers = std::make_shared<EndpointConfigHandlers>(dependencies);
  registry.add<operations::CreateEndpointConfig>(
      [handlers](Context& c, const auto& request) { return handlers->create(c, request); });
  registry.add<operations::DescribeEndpointConfig>(
      [handlers](Context& c, const auto& request) { return handlers->describe(c, request); });
  registry.add<operations::ListEndpointConfigs>(
      [handlers](Context& c, const auto& request) { return handlers->list(c, request); });
  registry.add<operations::DeleteEndpointConfig>(
      [handlers](Context& c, const auto& request) { return handlers->remove(c, request); });
}

}  // namespace tidemill::services::sagemaker::hosting
