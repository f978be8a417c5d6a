#include "services/sagemaker/hosting/endpoint/handlers.h"

#include <cmath>

#include "engine/transitions.h"
#include "services/sagemaker/common/listing/listing.h"
#include "services/sagemaker/common/tags/tags.h"
#include "services/sagemaker/hosting/endpoint/endpoint_names.h"
#include "services/sagemaker/hosting/endpoint/events.h"
#include "services/sagemaker/hosting/endpoint/transitions.h"
#include "services/sagemaker/hosting/fleet/variant_factory.h"

namespace tidemill::services::sagemaker::hosting {
namespace {

namespace api = tidemill::api::sagemaker;
namespace operations = tidemill::api::sagemaker::operations;
namespace events = endpoint_events;

std::unexpected<Error> invalid(std::string message) {
  return fail("ValidationException", std::move(message));
}

bool on_its_way(const Endpoint& endpoint) {
  return endpoint.status == "Creating" || endpoint.status == "Updating" ||
         endpoint.status == "Deleting" || endpoint.status == "RollingBack";
}

// The stage whose change ends a Describe's wait: Publishing is over in a moment.
std::string stage_of(const Endpoint& endpoint) {
  if (!endpoint.deployment) return {};
  const std::string& stage = endpoint.deployment->stage;
  return stage == deployment_stages::kPublishing ? deployment_stages::kCreating : stage;
}

template <class T>
const T* pointer(const tidemill::api::Box<T>& box) {
  return box ? &*box : nullptr;
}

// RetainAllVariantProperties: the new fleet keeps the weights and counts that the old one has now.
void retain_properties(const Endpoint& endpoint, const api::UpdateEndpointInput& request,
                       Fleet& fleet) {
  if (!request.retain_all_variant_properties.value_or(false) || !endpoint.active) return;
  bool keep_count = true, keep_weight = true;
  for (const api::VariantProperty& property :
       request.exclude_retained_variant_properties.value_or(std::vector<api::VariantProperty>())) {
    if (property.variant_property_type == api::variant_property_type::kDesiredInstanceCount)
      keep_count = false;
    if (property.variant_property_type == api::variant_property_type::kDesiredWeight)
      keep_weight = false;
  }
  for (const Variant& old : endpoint.active->variants) {
    Variant* variant = fleet.find(old.name);
    if (!variant) continue;
    if (keep_weight) variant->weight = old.weight;
    if (keep_count && !variant->serverless) variant->resize(old.instance_count);
  }
}

}  // namespace

std::string EndpointHandlers::fleet_id() { return make_token(in_.random, 10); }

Result<Endpoint> EndpointHandlers::find(const Context& context, const std::string& name) {
  return find_endpoint(in_.store, context.account(), context.region, name);
}

Result<Variant> EndpointHandlers::make_variant(const Context& context,
                                               const api::ProductionVariant& variant,
                                               const EndpointConfigRecord& config) {
  Variant out;
  // The role of its inference components when it has no model.
  out.role_arn = config.request.execution_role_arn.value_or("");
  out.role_since = config.created;
  if (variant.model_name)
    out = TRY(variant_of_model(in_, context.account(), context.region, *variant.model_name));
  out.name = variant.variant_name;
  out.instance_type = variant.instance_type.value_or("");
  out.weight = variant.initial_variant_weight.value_or(1.0);
  out.volume_gib_max = variant.volume_size_in_gb.value_or(0);
  out.startup_seconds =
      variant.container_startup_health_check_timeout_in_seconds.value_or(kStartupSecondsDefault);
  out.random_routing = variant.routing_config &&
                       variant.routing_config->routing_strategy == api::routing_strategy::kRandom;
  if (variant.serverless_config)
    out.serverless = Serverless{variant.serverless_config->memory_size_in_mb,
                                variant.serverless_config->max_concurrency,
                                variant.serverless_config->provisioned_concurrency.value_or(0)};
  // A serverless variant is one process that forks as many workers as are wanted.
  out.resize(out.serverless ? 1 : variant.initial_instance_count.value_or(1));
  return out;
}

Result<DeploymentRequest> EndpointHandlers::make_request(const Context& context,
                                                         const std::string& config_name,
                                                         const char* operation) {
  const EndpointConfigRecord config =
      TRY(find_endpoint_config(in_.store, context.account(), context.region, config_name)).record;
  DeploymentRequest out;
  out.fleet.id = fleet_id();
  out.fleet.config_name = config_name;
  out.fleet.started = in_.clock.now();
  for (const api::ProductionVariant& variant : config.request.production_variants)
    out.fleet.variants.push_back(TRY(make_variant(context, variant, config)));
  if (config.request.shadow_production_variants)
    for (const api::ProductionVariant& variant : *config.request.shadow_production_variants) {
      out.fleet.variants.push_back(TRY(make_variant(context, variant, config)));
      out.fleet.variants.back().shadow = true;
    }
  if (config.request.enable_network_isolation.value_or(false))
    for (Variant& variant : out.fleet.variants) variant.cut_off = true;
  if (config.request.data_capture_config) out.fleet.capture = *config.request.data_capture_config;
  if (config.request.async_inference_config)
    out.fleet.asynchronous = *config.request.async_inference_config;
  out.deployment.kind = operation;
  out.deployment.trigger = context.principal.arn;
  return out;
}

Result<api::CreateEndpointOutput> EndpointHandlers::create(
    Context& context, const api::CreateEndpointInput& request) {
  const DeploymentPolicy policy = TRY(deployment_policy(pointer(request.deployment_config)));
  const std::vector<api::Tag> tags = request.tags.value_or(std::vector<api::Tag>());
  TRY(check_tags(tags));
  Endpoint endpoint;
  endpoint.account = context.account();
  endpoint.region = context.region;
  endpoint.name = request.endpoint_name;
  endpoint.arn = endpoint_arn(context.account(), context.region, request.endpoint_name);
  endpoint.server_url = context.endpoint;
  endpoint.last_policy = policy;
  DeploymentRequest deployment =
      TRY(make_request(context, request.endpoint_config_name, "CreateEndpoint"));
  deployment.deployment.policy = policy;
  const std::string arn = endpoint.arn;
  engine::Step<Endpoint> step =
      begin_endpoint(std::move(endpoint), std::move(deployment), in_.clock.now());
  store::Transaction transaction;
  put_tags(transaction, arn, tags);
  if (Result<void> free = claim_name(in_.store, transaction, step.next); !free) {
    if (free.error().code != codes::kConflict) return internal_failure(free.error());
    return invalid("Cannot create already existing endpoint \"" + free.error().message +
                   "\"; the names of endpoints differ in more than their case.");
  }
  Result<void> created = in_.engine.create(
      kEndpointMachine, endpoint_key(context.account(), context.region, request.endpoint_name),
      to_json(endpoints().checked(request.endpoint_name, step.next)),
      endpoints().index_keys(step.next), std::move(step.tasks), std::move(transaction));
  if (!created && created.error().code == codes::kConflict)
    return invalid("Cannot create already existing endpoint \"" + arn + "\".");
  if (!created) return internal_failure(created.error());
  return api::CreateEndpointOutput{arn};
}

void EndpointHandlers::describe(Context& context, const api::DescribeEndpointInput& request,
                                Respond<api::DescribeEndpointOutput> respond) {
  Result<Endpoint> endpoint = find(context, request.endpoint_name);
  if (!endpoint) return respond(std::unexpected(std::move(endpoint).error()));
  // A client that watches traffic shift wants to see it; the wait is for starts, which are over in
  // a moment.
  if (!on_its_way(*endpoint) || stage_of(*endpoint) == deployment_stages::kBaking)
    return respond(describe_endpoint(*endpoint));
  platform::hold_describe<Endpoint, api::DescribeEndpointOutput>(
      in_.held, context,
      engine::record_id(kEndpointMachine,
                        endpoint_key(endpoint->account, endpoint->region, endpoint->name)),
      platform::HeldAnswers::Clock::now() + kHeldDescribe,
      {[this, &context, name = request.endpoint_name] { return find(context, name); },
       [status = endpoint->status, stage = stage_of(*endpoint)](const Endpoint& now) {
         return now.status == status && stage_of(now) == stage;
       },
       describe_endpoint},
      std::move(respond));
}

Result<api::ListEndpointsOutput> EndpointHandlers::list(Context& context,
                                                        const api::ListEndpointsInput& request) {
  auto page = TRY(list_page(
      in_.store, endpoints(), list_request(context.account(), context.region, request),
      [&](const Endpoint& each) {
        return passes_filters(request, each.name, each.created, each.modified, each.status);
      },
      [](const Endpoint& each) {
        return api::EndpointSummary{each.name, each.arn, each.created, each.modified, each.status};
      }));
  api::ListEndpointsOutput out;
  out.endpoints = std::move(page.items);
  out.next_token = std::move(page.next_token);
  return out;
}

Result<void> EndpointHandlers::send(const Endpoint& endpoint, const engine::Event& event) {
  Result<bool> applied = in_.engine.send(
      kEndpointMachine, endpoint_key(endpoint.account, endpoint.region, endpoint.name), event);
  if (!applied && applied.error().code == codes::kNotFound)
    return invalid("Could not find endpoint \"" + endpoint.arn + "\".");
  if (!applied) return internal_failure(applied.error());
  if (!*applied) return invalid("Cannot update in-progress endpoint \"" + endpoint.arn + "\".");
  return {};
}

Result<api::UpdateEndpointOutput> EndpointHandlers::update(
    Context& context, const api::UpdateEndpointInput& request) {
  Endpoint endpoint = TRY(find(context, request.endpoint_name));
  if (endpoint.status == endpoint_status::kFailed)
    return invalid("Cannot update failed endpoint \"" + endpoint.arn +
                   "\"; delete it and create it again.");
  DeploymentRequest deployment =
      TRY(make_request(context, request.endpoint_config_name, "UpdateEndpoint"));
  deployment.deployment.policy = TRY(deployment_policy(pointer(request.deployment_config)));
  if (request.retain_deployment_config.value_or(false)) {
    if (request.deployment_config)
      return invalid("Give either DeploymentConfig or RetainDeploymentConfig, not both.");
    deployment.deployment.policy = endpoint.last_policy.value_or(DeploymentPolicy{});
  }
  retain_properties(endpoint, request, deployment.fleet);
  const std::unique_lock<std::mutex> still = components_.lock();
  TRY(components_.check_variants(endpoint, deployment.fleet.variants));
  TRY(send(endpoint, engine::event_of(events::UpdateRequested{std::move(deployment)})));
  return api::UpdateEndpointOutput{endpoint.arn};
}

Result<api::UpdateEndpointWeightsAndCapacitiesOutput> EndpointHandlers::update_weights(
    Context& context, const api::UpdateEndpointWeightsAndCapacitiesInput& request) {
  Endpoint endpoint = TRY(find(context, request.endpoint_name));
  if (!endpoint.active)
    return invalid("Cannot update in-progress endpoint \"" + endpoint.arn + "\".");
  CapacityRequest change;
  for (const api::DesiredWeightAndCapacity& desired : request.desired_weights_and_capacities) {
    const Variant* variant = endpoint.active->find(desired.variant_name);
    if (!variant)
      return invalid("The endpoint " + endpoint.name + " has no variant " + desired.variant_name +
                     ".");
    if (desired.serverless_update_config)
      return invalid("ServerlessUpdateConfig is not implemented by Tidemill; leave it out.");
    if (!std::isfinite(desired.desired_weight.value_or(1)))
      return invalid("DesiredWeight must be a finite number.");
    if (desired.desired_instance_count) {
      const std::int64_t least = endpoint.active->asynchronous ? 0 : 1;
      if (variant->serverless)
        return invalid("The variant " + variant->name + " is serverless: it has no instances.");
      if (*desired.desired_instance_count < least)
        return invalid("DesiredInstanceCount must be at least " + std::to_string(least) + ".");
      if (*desired.desired_instance_count > kInstancesPerVariantMax)
        return invalid("DesiredInstanceCount must be at most " +
                       std::to_string(kInstancesPerVariantMax) + " here.");
    }
    change.changes.push_back(
        {desired.variant_name, desired.desired_weight, desired.desired_instance_count});
  }
  Fleet after = *endpoint.active;
  for (const CapacityChange& each : change.changes)
    if (each.instance_count) after.find(each.variant)->resize(*each.instance_count);
  const std::unique_lock<std::mutex> still = components_.lock();
  TRY(components_.check_variants(endpoint, after.variants));
  change.deployment.id = fleet_id();
  change.deployment.kind = "UpdateEndpointWeightsAndCapacities";
  change.deployment.trigger = context.principal.arn;
  TRY(send(endpoint, engine::event_of(events::CapacityRequested{std::move(change)})));
  return api::UpdateEndpointWeightsAndCapacitiesOutput{endpoint.arn};
}

Result<tidemill::api::Empty> EndpointHandlers::remove(Context& context,
                                                      const api::DeleteEndpointInput& request) {
  Endpoint endpoint = TRY(find(context, request.endpoint_name));
  if (endpoint.status == "Deleting") return tidemill::api::Empty{};
  const std::unique_lock<std::mutex> still = components_.lock();
  TRY(components_.check_none(endpoint));
  TRY(send(endpoint, engine::event_of(events::DeleteRequested{})));
  return tidemill::api::Empty{};
}

void EndpointHandlers::add_to(Registry& registry) {
  registry.add<operations::CreateEndpoint>(*this, &EndpointHandlers::create);
  registry.add<operations::DescribeEndpoint>(*this, &EndpointHandlers::describe);
  registry.add<operations::ListEndpoints>(*this, &EndpointHandlers::list);
  registry.add<operations::UpdateEndpoint>(*this, &EndpointHandlers::update);
  registry.add<operations::UpdateEndpointWeightsAndCapacities>(*this,
                                                               &EndpointHandlers::update_weights);
  registry.add<operations::DeleteEndpoint>(*this, &EndpointHandlers::remove);
}

}  // namespace tidemill::services::sagemaker::hosting
