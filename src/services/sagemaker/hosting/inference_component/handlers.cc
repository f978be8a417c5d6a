#include "services/sagemaker/hosting/inference_component/handlers.h"

#include <algorithm>

#include "engine/transitions.h"
#include "services/sagemaker/common/listing/listing.h"
#include "services/sagemaker/common/tags/tags.h"
#include "services/sagemaker/hosting/endpoint/endpoint_names.h"
#include "services/sagemaker/hosting/fleet/variant_factory.h"
#include "services/sagemaker/hosting/inference_component/events.h"
#include "services/sagemaker/hosting/inference_component/transitions.h"

namespace tidemill::services::sagemaker::hosting {
namespace {

namespace api = tidemill::api::sagemaker;
namespace operations = tidemill::api::sagemaker::operations;
namespace events = component_events;

constexpr std::size_t kFleetIdLength = 10;

std::unexpected<Error> invalid(std::string message) {
  return fail("ValidationException", std::move(message));
}

bool on_its_way(const InferenceComponent& component) {
  return component.status != component_status::kInService &&
         component.status != component_status::kFailed;
}

// The variant as it is, or as it will be.
const Variant* host_of(const Endpoint& endpoint, const std::string& variant) {
  const std::optional<Fleet>& fleet = endpoint.active ? endpoint.active : endpoint.pending;
  if (!fleet) return nullptr;
  auto found = std::ranges::find(fleet->variants, variant, &Variant::name);
  return found == fleet->variants.end() ? nullptr : &*found;
}

Result<const Variant*> find_host(const Endpoint& endpoint, const std::string& variant) {
  if (endpoint.status == endpoint_status::kDeleting || endpoint.status == endpoint_status::kFailed)
    return invalid("Endpoint \"" + endpoint.arn + "\" is " + endpoint.status +
                   ": it takes no inference components.");
  const Variant* host = host_of(endpoint, variant);
  if (!host)
    return invalid("Endpoint \"" + endpoint.arn + "\" has no production variant " + variant + ".");
  if (!host->containers.empty())
    return invalid(
        "Inference Components are not supported in this Endpoint. Please make sure this endpoint "
        "can deploy inference components: its production variants must have no ModelName.");
  return host;
}

Result<void> refuse_lists(bool given) {
  if (!given) return {};
  return invalid(
      "Specifications, one an instance type, are not implemented by Tidemill; give one "
      "Specification.");
}

// Members that an update leaves out, the model and its requirements, stay as they are.
ComponentSpecification merged(ComponentSpecification wanted, const ComponentSpecification& now) {
  if (!wanted.model_name && !wanted.container) {
    wanted.model_name = now.model_name;
    wanted.container = now.container;
  }
  if (!wanted.compute_resource_requirements)
    wanted.compute_resource_requirements = now.compute_resource_requirements;
  return wanted;
}

}  // namespace

Result<InferenceComponent> ComponentHandlers::find(const Context& context,
                                                   const std::string& name) {
  auto found =
      inference_components().get(in_.store, component_key(context.account(), context.region, name));
  if (!found) return internal_failure(found.error());
  if (!*found)
    return invalid("Could not find inference component \"" +
                   component_arn(context.account(), context.region, name) + "\".");
  return std::move((*found)->record);
}

Result<ComponentUpdate> ComponentHandlers::make_update(const InferenceComponent& component,
                                                       const Variant& host,
                                                       const ComponentSpecification& specification,
                                                       std::int64_t copies) {
  if (specification.instance_type && *specification.instance_type != host.instance_type)
    return invalid("Specification.InstanceType is " + *specification.instance_type +
                   ", the variant's instances are of " + host.instance_type + ".");
  Variant variant;
  if (specification.model_name) {
    variant =
        TRY(variant_of_model(in_, component.account, component.region, *specification.model_name));
  } else {
    api::ContainerDefinition container;
    container.image = specification.container->image;
    container.model_data_url = specification.container->artifact_url;
    container.environment = specification.container->environment;
    variant = TRY(variant_of_container(container, host));
  }
  if (std::ranges::any_of(variant.containers, &Container::multi_model))
    return invalid("Inference components take no multi-model containers.");
  variant.cut_off = variant.cut_off || host.cut_off;
  variant.name = host.name;
  variant.instance_type = host.instance_type;
  variant.volume_gib_max = host.volume_gib_max;
  variant.random_routing = host.random_routing;
  if (specification.startup_parameters)
    variant.startup_seconds =
        specification.startup_parameters->container_startup_health_check_timeout_in_seconds
            .value_or(kStartupSecondsDefault);
  const auto& wanted = *specification.compute_resource_requirements;
  variant.memory_mib_max = wanted.max_memory_required_in_mb.value_or(0);
  variant.cpus_max = wanted.number_of_cpu_cores_required.value_or(0);
  variant.resize(copies);
  ComponentUpdate out;
  out.specification = specification;
  out.fleet.id = make_token(in_.random, kFleetIdLength);
  out.fleet.started = in_.clock.now();
  out.fleet.variants.push_back(std::move(variant));
  return out;
}

Result<void> ComponentHandlers::check_room_for(const Endpoint& endpoint, const Variant& host,
                                               const Claim& wanted) {
  std::vector<Claim> claims = {wanted};
  for (const InferenceComponent& each : TRY(hosted_.components(endpoint)))
    if (each.name != wanted.component && each.variant == host.name &&
        each.status != component_status::kDeleting)
      claims.push_back(claim_of(each));
  return check_room(std::move(claims), host);
}

Result<api::CreateInferenceComponentOutput> ComponentHandlers::create(
    Context& context, const api::CreateInferenceComponentInput& request) {
  TRY(refuse_lists(request.specifications.has_value()));
  if (!request.specification) return invalid("Specification is missing.");
  TRY(check_specification(*request.specification));
  if (!request.variant_name) return invalid("VariantName is missing.");
  if (!request.runtime_config) return invalid("RuntimeConfig is missing.");
  const std::int64_t copies = request.runtime_config->copy_count;
  TRY(check_copies(copies, 1));
  const std::vector<api::Tag> tags = request.tags.value_or(std::vector<api::Tag>());
  TRY(check_tags(tags));

  const std::unique_lock<std::mutex> lock = hosted_.lock();
  const Endpoint endpoint =
      TRY(find_endpoint(in_.store, context.account(), context.region, request.endpoint_name));
  const Variant& host = *TRY(find_host(endpoint, *request.variant_name));
  InferenceComponent component;
  component.account = context.account();
  component.region = context.region;
  component.name = request.inference_component_name;
  component.arn = component_arn(component.account, component.region, component.name);
  component.endpoint = endpoint.name;
  component.variant = host.name;
  component.server_url = context.endpoint;
  const std::string arn = component.arn;
  const std::string key = component_key(component.account, component.region, component.name);
  ComponentUpdate update = TRY(make_update(component, host, *request.specification, copies));
  if (TRY(hosted_.components(endpoint)).size() >= kComponentsPerEndpointMax)
    return fail("ResourceLimitExceeded", "An endpoint can have at most " +
                                             std::to_string(kComponentsPerEndpointMax) +
                                             " inference components here.");
  const Result<void> room =
      check_room_for(endpoint, host, claim_of(component.name, *request.specification, copies));
  const Timestamp now = in_.clock.now();
  engine::Step<InferenceComponent> step =
      room ? begin_component(std::move(component), std::move(update), now)
           : refuse_component(std::move(component), std::move(update), room.error().message, now);
  store::Transaction transaction;
  put_tags(transaction, arn, tags);
  Result<void> created = in_.engine.create(
      kComponentMachine, key, to_json(inference_components().checked(key, step.next)),
      inference_components().index_keys(step.next), std::move(step.tasks), std::move(transaction));
  if (!created && created.error().code == codes::kConflict)
    return invalid("Cannot create already existing inference component \"" + arn + "\".");
  if (!created) return internal_failure(created.error());
  return api::CreateInferenceComponentOutput{arn};
}

void ComponentHandlers::describe(Context& context,
                                 const api::DescribeInferenceComponentInput& request,
                                 Respond<api::DescribeInferenceComponentOutput> respond) {
  const Result<InferenceComponent> component = find(context, request.inference_component_name);
  if (!component) return respond(std::unexpected(component.error()));
  if (!on_its_way(*component)) return respond(describe_component(*component));
  platform::hold_describe<InferenceComponent, api::DescribeInferenceComponentOutput>(
      in_.held, context,
      engine::record_id(kComponentMachine,
                        component_key(component->account, component->region, component->name)),
      platform::HeldAnswers::Clock::now() + kHeldDescribe,
      {[this, &context, name = request.inference_component_name] { return find(context, name); },
       [status = component->status](const InferenceComponent& now) { return now.status == status; },
       describe_component},
      std::move(respond));
}

Result<api::ListInferenceComponentsOutput> ComponentHandlers::list(
    Context& context, const api::ListInferenceComponentsInput& request) {
  auto page = TRY(list_page(
      in_.store, inference_components(), list_request(context.account(), context.region, request),
      [&](const InferenceComponent& each) {
        if (request.endpoint_name_equals && each.endpoint != *request.endpoint_name_equals)
          return false;
        if (request.variant_name_equals && each.variant != *request.variant_name_equals)
          return false;
        return passes_filters(request, each.name, each.created, each.modified, each.status);
      },
      [](const InferenceComponent& each) {
        api::InferenceComponentSummary summary;
        summary.creation_time = each.created;
        summary.inference_component_arn = each.arn;
        summary.inference_component_name = each.name;
        summary.endpoint_arn = endpoint_arn(each.account, each.region, each.endpoint);
        summary.endpoint_name = each.endpoint;
        summary.variant_name = each.variant;
        summary.inference_component_status = each.status;
        summary.last_modified_time = each.modified;
        return summary;
      }));
  api::ListInferenceComponentsOutput out;
  out.inference_components = std::move(page.items);
  out.next_token = std::move(page.next_token);
  return out;
}

Result<void> ComponentHandlers::send(const InferenceComponent& component,
                                     const engine::Event& event) {
  Result<bool> applied = in_.engine.send(
      kComponentMachine, component_key(component.account, component.region, component.name), event);
  if (!applied && applied.error().code == codes::kNotFound)
    return invalid("Could not find inference component \"" + component.arn + "\".");
  if (!applied) return internal_failure(applied.error());
  if (*applied) return {};
  if (component.status == component_status::kFailed)
    return invalid("The inference component \"" + component.arn +
                   "\" has failed and has no copies; update its Specification, or delete it.");
  return invalid("Cannot update in-progress inference component \"" + component.arn + "\".");
}

Result<void> ComponentHandlers::change_copies(const InferenceComponent& component,
                                              const Endpoint& endpoint, std::int64_t copies) {
  TRY(check_copies(copies, 0));
  const Variant& host = *TRY(find_host(endpoint, component.variant));
  TRY(check_room_for(endpoint, host, claim_of(component.name, component.specification, copies)));
  return send(component, engine::event_of(events::CopiesRequested{copies}));
}

Result<api::UpdateInferenceComponentRuntimeConfigOutput> ComponentHandlers::update_copies(
    Context& context, const api::UpdateInferenceComponentRuntimeConfigInput& request) {
  const std::unique_lock<std::mutex> lock = hosted_.lock();
  const InferenceComponent component = TRY(find(context, request.inference_component_name));
  const Endpoint endpoint =
      TRY(find_endpoint(in_.store, context.account(), context.region, component.endpoint));
  TRY(change_copies(component, endpoint, request.desired_runtime_config->copy_count));
  return api::UpdateInferenceComponentRuntimeConfigOutput{component.arn};
}

Result<api::UpdateInferenceComponentOutput> ComponentHandlers::update(
    Context& context, const api::UpdateInferenceComponentInput& request) {
  TRY(refuse_lists(request.specifications.has_value()));
  if (!request.specification && !request.runtime_config)
    return invalid("Give a Specification or a RuntimeConfig.");
  const std::unique_lock<std::mutex> lock = hosted_.lock();
  const InferenceComponent component = TRY(find(context, request.inference_component_name));
  const Endpoint endpoint =
      TRY(find_endpoint(in_.store, context.account(), context.region, component.endpoint));
  const std::int64_t copies =
      request.runtime_config ? request.runtime_config->copy_count : component.copies;
  if (!request.specification) {
    TRY(change_copies(component, endpoint, copies));
    return api::UpdateInferenceComponentOutput{component.arn};
  }
  TRY(check_copies(copies, 0));
  const ComponentSpecification wanted = merged(*request.specification, component.specification);
  TRY(check_specification(wanted));
  const Variant& host = *TRY(find_host(endpoint, component.variant));
  ComponentUpdate update = TRY(make_update(component, host, wanted, copies));
  update.rollout =
      TRY(make_rollout(request.deployment_config ? &*request.deployment_config : nullptr, copies));
  if (request.deployment_config) update.deployment = *request.deployment_config;
  InferenceComponent after = component;
  after.copies = copies;
  if (after.active)
    after.next_specification = wanted;
  else
    after.specification = wanted;
  after.pending = update.fleet;
  TRY(check_room_for(endpoint, host, claim_of(after)));
  TRY(send(component, engine::event_of(events::UpdateRequested{std::move(update)})));
  return api::UpdateInferenceComponentOutput{component.arn};
}

Result<tidemill::api::Empty> ComponentHandlers::remove(
    Context& context, const api::DeleteInferenceComponentInput& request) {
  const InferenceComponent component = TRY(find(context, request.inference_component_name));
  if (component.status == component_status::kDeleting) return tidemill::api::Empty{};
  TRY(send(component, engine::event_of(events::DeleteRequested{})));
  return tidemill::api::Empty{};
}

void ComponentHandlers::add_to(Registry& registry) {
  registry.add<operations::CreateInferenceComponent>(*this, &ComponentHandlers::create);
  registry.add<operations::DescribeInferenceComponent>(*this, &ComponentHandlers::describe);
  registry.add<operations::ListInferenceComponents>(*this, &ComponentHandlers::list);
  registry.add<operations::UpdateInferenceComponent>(*this, &ComponentHandlers::update);
  registry.add<operations::UpdateInferenceComponentRuntimeConfig>(
      *this, &ComponentHandlers::update_copies);
  registry.add<operations::DeleteInferenceComponent>(*this, &ComponentHandlers::remove);
}

}  // namespace tidemill::services::sagemaker::hosting
