#include "services/sagemaker/endpoint/handlers.h"

#include "services/sagemaker/endpoint/transitions.h"
#include "services/sagemaker/listing/listing.h"
#include "services/sagemaker/tags/tags.h"

namespace tidemill::services::sagemaker {
namespace {

namespace api = tidemill::api::sagemaker;
namespace operations = tidemill::api::sagemaker::operations;
namespace events = endpoint_events;

std::unexpected<Error> invalid(std::string message) {
  return fail("ValidationException", std::move(message));
}

bool on_its_way(const Endpoint& endpoint) {
  return endpoint.status == "Creating" || endpoint.status == "Updating" ||
         endpoint.status == "Deleting";
}

Result<void> check_deployment_config(const tidemill::api::Box<api::DeploymentConfig>& config) {
  if (!config) return {};
  if (config->rolling_update_policy)
    return invalid(
        "Rolling updates are not implemented by Tidemill yet; use an ALL_AT_ONCE "
        "BlueGreenUpdatePolicy.");
  if (config->auto_rollback_configuration && config->auto_rollback_configuration->alarms &&
      !config->auto_rollback_configuration->alarms->empty())
    return invalid("Rollback alarms are not implemented by Tidemill yet.");
  if (config->blue_green_update_policy &&
      config->blue_green_update_policy->traffic_routing_configuration &&
      config->blue_green_update_policy->traffic_routing_configuration->type !=
          api::traffic_routing_config_type::kAllAtOnce)
    return invalid("Traffic routing other than ALL_AT_ONCE is not implemented by Tidemill yet.");
  return {};
}

Variant* find_variant(Fleet& fleet, const std::string& name) {
  for (Variant& variant : fleet.variants)
    if (variant.name == name) return &variant;
  return nullptr;
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
    Variant* variant = find_variant(fleet, old.name);
    if (!variant) continue;
    if (keep_weight) variant->weight = old.weight;
    if (keep_count) variant->instance_count = old.instance_count;
    if (!variant->native) variant->instances.resize(std::size_t(variant->instance_count));
  }
}

}  // namespace

std::string EndpointHandlers::fleet_id() { return make_token(in_.random, 10); }

Result<Endpoint> EndpointHandlers::find(const Context& context, const std::string& name) {
  auto found = endpoints().get(in_.store, endpoint_key(context.account(), context.region, name));
  if (!found) return internal_failure(found.error());
  if (!*found)
    return invalid("Could not find endpoint \"" +
                   endpoint_arn(context.account(), context.region, name) + "\".");
  return std::move((*found)->record);
}

Result<Variant> EndpointHandlers::make_variant(const Context& context,
                                               const api::ProductionVariant& variant) {
  const std::string& model_name = *variant.model_name;
  auto found = models().get(in_.store, model_key(context.account(), context.region, model_name));
  if (!found) return internal_failure(found.error());
  if (!*found)
    return invalid("Could not find model \"" +
                   model_arn(context.account(), context.region, model_name) + "\".");
  const api::CreateModelInput& model = (*found)->record.request;
  const api::ContainerDefinition& container = *primary_container(model);
  const ModelData data = model_data(container);
  Variant out;
  out.name = variant.variant_name;
  out.model_name = model_name;
  out.image = *container.image;
  out.role_arn = model.execution_role_arn.value_or("");
  out.instance_type = variant.instance_type.value_or("");
  out.data_uri = data.uri;
  out.data_compressed = data.compressed;
  if (container.environment) out.environment = *container.environment;
  // The SDKs send an empty SAGEMAKER_PROGRAM for models without a script.
  std::erase_if(out.environment, [](const auto& each) {
    return each.first == "SAGEMAKER_PROGRAM" && each.second.empty();
  });
  const Image image = TRY(resolve_image(out.image));
  out.native = !is_script_mode(image, out.environment, "SAGEMAKER_PROGRAM");
  out.weight = variant.initial_variant_weight.value_or(1.0);
  out.instance_count = variant.initial_instance_count.value_or(1);
  out.startup_seconds =
      variant.container_startup_health_check_timeout_in_seconds.value_or(kStartupSecondsDefault);
  if (!out.native) out.instances.resize(std::size_t(out.instance_count));
  return out;
}

Result<Fleet> EndpointHandlers::make_fleet(const Context& context, const std::string& config_name) {
  const EndpointConfigRecord config =
      TRY(find_endpoint_config(in_.store, context.account(), context.region, config_name)).record;
  Fleet fleet{fleet_id(), config_name, {}, in_.clock.now()};
  for (const api::ProductionVariant& variant : config.request.production_variants)
    fleet.variants.push_back(TRY(make_variant(context, variant)));
  return fleet;
}

Result<api::CreateEndpointOutput> EndpointHandlers::create(
    Context& context, const api::CreateEndpointInput& request) {
  TRY(check_deployment_config(request.deployment_config));
  const std::vector<api::Tag> tags = request.tags.value_or(std::vector<api::Tag>());
  TRY(check_tags(tags));
  Endpoint endpoint;
  endpoint.account = context.account();
  endpoint.region = context.region;
  endpoint.name = request.endpoint_name;
  endpoint.arn = endpoint_arn(context.account(), context.region, request.endpoint_name);
  endpoint.server_url = context.endpoint;
  Fleet fleet = TRY(make_fleet(context, request.endpoint_config_name));
  const std::string arn = endpoint.arn;
  engine::Step<Endpoint> step =
      begin_endpoint(std::move(endpoint), std::move(fleet), in_.clock.now());
  store::Transaction transaction;
  put_tags(transaction, arn, tags);
  Result<void> created = in_.engine.create(
      kEndpointMachine, endpoint_key(context.account(), context.region, request.endpoint_name),
      to_json(step.next), endpoints().index_keys(step.next), std::move(step.tasks),
      std::move(transaction));
  if (!created && created.error().code == codes::kConflict)
    return invalid("Cannot create already existing endpoint \"" + arn + "\".");
  if (!created) return internal_failure(created.error());
  return api::CreateEndpointOutput{arn};
}

void EndpointHandlers::hold(const Context& context, const Endpoint& endpoint) {
  if (!held_.try_acquire()) return;
  const auto until = std::min(context.deadline, std::chrono::steady_clock::now() + kHeldDescribe);
  const auto changed = [&](const std::optional<std::string>& text) {
    if (!text) return true;
    Result<Endpoint> now = from_json<Endpoint>(*text);
    return !now || now->status != endpoint.status;
  };
  // In slices, since a server that stops wakes nobody here.
  while (!context.stop.stop_requested() && std::chrono::steady_clock::now() < until)
    if (in_.engine.wait_for(kEndpointMachine,
                            endpoint_key(endpoint.account, endpoint.region, endpoint.name),
                            kHeldSlice, changed))
      break;
  held_.release();
}

Result<api::DescribeEndpointOutput> EndpointHandlers::describe(
    Context& context, const api::DescribeEndpointInput& request) {
  Endpoint endpoint = TRY(find(context, request.endpoint_name));
  if (!on_its_way(endpoint)) return describe_endpoint(endpoint);
  hold(context, endpoint);
  return describe_endpoint(TRY(find(context, request.endpoint_name)));
}

Result<api::ListEndpointsOutput> EndpointHandlers::list(Context& context,
                                                        const api::ListEndpointsInput& request) {
  auto page = list_page<Endpoint>(
      in_.store, endpoints(), list_request(context.account(), context.region, request),
      [&](const Endpoint& each) {
        if (request.status_equals && each.status != *request.status_equals) return false;
        if (request.last_modified_time_after && each.modified <= *request.last_modified_time_after)
          return false;
        if (request.last_modified_time_before &&
            each.modified >= *request.last_modified_time_before)
          return false;
        return passes_filters(request, each.name, each.created);
      });
  if (!page) return fail(page.error());
  api::ListEndpointsOutput out;
  for (const Endpoint& each : page->records)
    out.endpoints.push_back({each.name, each.arn, each.created, each.modified, each.status});
  out.next_token = page->next_token;
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
  TRY(check_deployment_config(request.deployment_config));
  Endpoint endpoint = TRY(find(context, request.endpoint_name));
  Fleet fleet = TRY(make_fleet(context, request.endpoint_config_name));
  retain_properties(endpoint, request, fleet);
  TRY(send(endpoint, {events::kUpdateRequested, to_value(fleet)}));
  return api::UpdateEndpointOutput{endpoint.arn};
}

Result<api::UpdateEndpointWeightsAndCapacitiesOutput> EndpointHandlers::update_weights(
    Context& context, const api::UpdateEndpointWeightsAndCapacitiesInput& request) {
  Endpoint endpoint = TRY(find(context, request.endpoint_name));
  if (!endpoint.active)
    return invalid("Cannot update in-progress endpoint \"" + endpoint.arn + "\".");
  Fleet fleet = *endpoint.active;
  bool new_processes = false;
  ValueObject changes;
  for (const api::DesiredWeightAndCapacity& desired : request.desired_weights_and_capacities) {
    Variant* variant = find_variant(fleet, desired.variant_name);
    if (!variant)
      return invalid("The endpoint " + endpoint.name + " has no variant " + desired.variant_name +
                     ".");
    ValueObject change;
    if (desired.desired_weight) {
      variant->weight = *desired.desired_weight;
      change.append("weight", *desired.desired_weight);
    }
    if (desired.desired_instance_count &&
        *desired.desired_instance_count != variant->instance_count) {
      if (*desired.desired_instance_count < 1)
        return invalid("DesiredInstanceCount must be at least 1.");
      variant->instance_count = *desired.desired_instance_count;
      change.append("count", *desired.desired_instance_count);
      new_processes = new_processes || !variant->native;
    }
    changes.set(desired.variant_name, std::move(change));
  }
  if (new_processes) {
    // A fleet of the new size beside the old one, as any other update.
    fleet.id = fleet_id();
    fleet.started = in_.clock.now();
    for (Variant& variant : fleet.variants)
      if (!variant.native)
        variant.instances.assign(std::size_t(variant.instance_count), Instance{});
    TRY(send(endpoint, {events::kUpdateRequested, to_value(fleet)}));
  } else {
    TRY(send(endpoint, {events::kWeightsRequested, std::move(changes)}));
  }
  return api::UpdateEndpointWeightsAndCapacitiesOutput{endpoint.arn};
}

Result<tidemill::api::Empty> EndpointHandlers::remove(Context& context,
                                                      const api::DeleteEndpointInput& request) {
  Endpoint endpoint = TRY(find(context, request.endpoint_name));
  if (endpoint.status == "Deleting") return tidemill::api::Empty{};
  TRY(send(endpoint, {events::kDeleteRequested, {}}));
  return tidemill::api::Empty{};
}

void EndpointHandlers::add_to(Registry& registry) {
  registry.add<operations::CreateEndpoint>(
      [this](Context& c, const auto& request) { return create(c, request); });
  registry.add<operations::DescribeEndpoint>(
      [this](Context& c, const auto& request) { return describe(c, request); });
  registry.add<operations::ListEndpoints>(
      [this](Context& c, const auto& request) { return list(c, request); });
  registry.add<operations::UpdateEndpoint>(
      [this](Context& c, const auto& request) { return update(c, request); });
  registry.add<operations::UpdateEndpointWeightsAndCapacities>(
      [this](Context& c, const auto& request) { return update_weights(c, request); });
  registry.add<operations::DeleteEndpoint>(
      [this](Context& c, const auto& request) { return remove(c, request); });
}

}  // namespace tidemill::services::sagemaker
