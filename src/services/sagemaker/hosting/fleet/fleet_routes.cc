// Models fetched and loaded, and the routes by which invocations reach them.
#include <cctype>
#include <filesystem>
#include <optional>
#include <sstream>

#include "compute/instance_types.h"
#include "infer/onnx_ml/onnx_model.h"
#include "services/sagemaker/hosting/fleet/fleet_place.h"
#include "services/sagemaker/hosting/fleet/instance_spec.h"
#include "services/sagemaker/hosting/fleet/model_check.h"
#include "services/sagemaker/hosting/fleet/model_fetch.h"
#include "services/sagemaker/hosting/fleet/model_source.h"

namespace tidemill::services::sagemaker::hosting {
namespace {

constexpr std::uint64_t kMultiModelBytesDefault = 4ull << 30;

std::string variable(const Container& container, const char* name) {
  auto found = container.environment.find(name);
  return found == container.environment.end() ? std::string() : found->second;
}

std::vector<std::string> split_keys(const std::string& text) {
  std::vector<std::string> keys;
  std::istringstream in(text);
  for (std::string key; std::getline(in, key, ',');) {
    std::erase(key, ' ');
    for (char& letter : key)
      letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
    if (!key.empty()) keys.push_back(key);
  }
  return keys;
}

// The version of a container that answers as SageMaker's XGBoost container does; nothing of others.
std::optional<Version> xgboost_contract(const Container& container) {
  const Result<Image> image = resolve_image(container.image);
  if (!image || image->runtime != Runtime::xgboost) return {};
  return xgboost_version(*image);
}

infer::ResponseOptions response_options(const Container& container) {
  constexpr Version kCsvLines{1, 7};
  infer::ResponseOptions options;
  const std::optional<Version> xgboost = xgboost_contract(container);
  // Many models are served by another model server than one is, with other words.
  options.plain_json = xgboost && container.multi_model;
  options.csv_lines = xgboost && !container.multi_model && *xgboost >= kCsvLines;
  if (options.plain_json) options.default_accept = "application/json";
  if (std::string accept = variable(container, "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT");
      !accept.empty())
    options.default_accept = accept;
  options.output_keys = split_keys(variable(container, "SAGEMAKER_INFERENCE_OUTPUT"));
  options.one_per_line = !variable(container, "SAGEMAKER_BATCH").empty();
  return options;
}

infer::RequestOptions request_options(const Container& container) {
  constexpr Version kFiniteOnly{1, 4};  // as of XGBoost's own check of its input
  const std::optional<Version> xgboost = xgboost_contract(container);
  if (!xgboost) return {};
  return {true, *xgboost >= kFiniteOnly, true};
}

infer::LoadOptions load_options(const Container& container) {
  auto ensemble = container.environment.find("SAGEMAKER_INFERENCE_ENSEMBLE");
  const bool asked = ensemble == container.environment.end() || ensemble->second == "true";
  return {.combine = asked && xgboost_contract(container).has_value()};
}

// A neural network in ONNX, which is ONNX Runtime's: in a process of its own.
bool wants_onnx_runtime(const std::string& folder) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored))
    if (entry.path().extension() == ".onnx")
      return !infer::onnx_ml::supported(entry.path().string());
  return false;
}

}  // namespace

// Fetches the model and, of a native container, finds out whether it can be loaded.
Result<void> FleetRunner::settle(const Place& place, Container& container) {
  auto failed = [&](const std::string& what) { return fail(kDeploymentFailed, what); };
  ModelFetch fetch{place.owner.account, place.variant.role_arn, container.data_uri,
                   container.data_compressed, variable(container, "SAGEMAKER_PROGRAM")};
  fetch.region = place.owner.region;
  fetch.role_since = place.variant.role_since;
  if (container.multi_model) fetch.uri.clear();
  fetch.stopped = [this, fleet = place.fleet_id] { return cancelled_ || is_start_stopped(fleet); };
  TRY(in_.compute.volumes().make(place.name));
  Result<void> fetched = fetch_model_data(in_, fetch, place.model_folder());
  if (!fetched && fetched.error().code == codes::kInvalid)
    return failed("Failed to download model data for production variant " + place.variant.name +
                  " from " + container.data_uri + ": " + fetched.error().message);
  if (!fetched) return fetched;
  if (!container.native() || container.multi_model) return {};
  if (wants_onnx_runtime(place.model_folder())) {
    container.engine = engines::kOnnx;
    return {};
  }
  const std::string cannot =
      "The model of production variant " + place.variant.name + " cannot be loaded: ";
  Result<void> checked =
      check_model_apart(in_.settings.programs.self, place.model_folder(), load_options(container));
  if (!checked && checked.error().code == codes::kInvalid)
    return failed(cannot + checked.error().message);
  if (!checked) return checked;
  auto loaded = model(place.model_folder(), load_options(container));
  if (!loaded && loaded.error().code == codes::kInvalid)
    return failed(cannot + loaded.error().message);
  if (!loaded) return fail(loaded.error());
  const std::string line = "Loaded a model with " + std::to_string((*loaded)->feature_count()) +
                           " features and the objective " + (*loaded)->objective();
  ServerRef ref;
  ref.fleet = place.fleet_id;
  ref.container = std::int64_t(place.index);
  return in_.logs.append(place.owner.account, place.owner.region, place.owner.log_group,
                         server_log_stream(place.variant, ref), {{in_.clock.now(), line}});
}

Result<std::shared_ptr<const infer::Model>> FleetRunner::model(const std::string& folder,
                                                               const infer::LoadOptions& options) {
  {
    std::lock_guard lock(mutex_);
    if (auto found = models_.find(folder); found != models_.end()) return found->second;
  }
  std::unique_ptr<infer::Model> loaded = TRY(infer::load_model(folder, options));
  std::lock_guard lock(mutex_);
  // Another thread may have been faster: all routes share one.
  return models_.try_emplace(folder, std::move(loaded)).first->second;
}

std::shared_ptr<LoadedModels> FleetRunner::source(const Place& place) {
  const bool many = place.container.multi_model;
  ModelSourceOptions options;
  options.account = place.owner.account;
  options.region = place.owner.region;
  options.role_arn = place.variant.role_arn;
  options.role_since = place.variant.role_since;
  options.prefix = many ? place.container.data_uri : "";
  options.folder = many ? place.models_folder() : place.model_folder();
  options.volume = many ? place.models_volume() : place.model_volume();
  options.folder_in_container =
      in_.compute.path_in_jobs(options.volume, many ? kModelsFolder : kModelFolder);
  options.load = load_options(place.container);
  options.program_self = in_.settings.programs.self;
  options.memory_bytes_max = kMultiModelBytesDefault;
  if (place.variant.serverless) {
    options.memory_bytes_max = std::uint64_t(place.variant.serverless->memory_mib) << 20;
    if (place.variant.serverless->provisioned_concurrency == 0)
      options.idle = std::chrono::seconds(kServerlessIdleSeconds);
  } else if (const auto* type = compute::find_instance_type(place.variant.instance_type)) {
    options.memory_bytes_max = compute::limits_on_this_machine(*type).memory_bytes_max / 2;
  }
  std::lock_guard lock(mutex_);
  auto& source = sources_[options.folder];
  if (!source) source = std::make_shared<LoadedModels>(in_, std::move(options));
  return source;
}

Result<sagemaker_runtime::ContainerRoute> FleetRunner::container_route(const Place& place) {
  sagemaker_runtime::ContainerRoute route;
  const Container& container = place.container;
  route.hostname = container.hostname;
  route.response = response_options(container);
  route.request = request_options(container);
  route.multi_model = container.multi_model;
  route.process = !container.native();
  const bool on_demand = container.native() && place.variant.serverless &&
                         place.variant.serverless->provisioned_concurrency == 0;
  if (container.multi_model || on_demand)
    route.models = source(place);
  else if (container.native())
    route.native = TRY(model(place.model_folder(), load_options(container)));
  return route;
}

Result<sagemaker_runtime::VariantRoute> FleetRunner::route(const FleetOwner& owner,
                                                           const Fleet& fleet, std::size_t index) {
  const Variant& variant = fleet.variants.at(index);
  sagemaker_runtime::VariantRoute route;
  route.name = variant.name;
  route.weight = variant.weight;
  route.direct = variant.direct;
  route.random_routing = variant.random_routing;
  if (variant.serverless) route.concurrency_max = int(variant.serverless->concurrency_max);
  for (std::size_t i = 0; i < variant.containers.size(); ++i)
    route.containers.push_back(
        TRY(container_route(Place(in_.compute.volumes(), owner, fleet, index, i))));
  for (std::size_t i = 0; i < variant.instances.size(); ++i)
    if (variant.instances[i].ready())
      route.instances.push_back(
          instance_route(owner, fleet, {std::int64_t(index), std::int64_t(i)}));
  return route;
}

sagemaker_runtime::InstanceRoute FleetRunner::instance_route(const FleetOwner& owner,
                                                             const Fleet& fleet,
                                                             const InstanceIndex& at) {
  const Variant& variant = fleet.variants.at(std::size_t(at.variant));
  const Instance& instance = variant.instances.at(std::size_t(at.instance));
  sagemaker_runtime::InstanceRoute out;
  out.load = loads_.of(fleet, at);
  for (std::size_t c = 0; c < instance.servers.size(); ++c) {
    const Server& server = instance.servers[c];
    const Container& container = variant.containers[c];
    const ServerRef ref{fleet.id,       at.variant,  at.instance, std::int64_t(c),
                        server.attempt, server.port, {}};
    sagemaker_runtime::ServerRoute place{{}, server_log_stream(variant, ref)};
    if (!container.native()) {
      if (server.port && server.port != kContractPort)
        ports_.keep(static_cast<std::uint16_t>(server.port));
      place.address = address_of(owner, ref);
      place.job = server_job_id(owner, ref);
      // Ours do; of another program nothing is known.
      place.pings_while_busy = container.engine != engines::kProgram;
    }
    out.servers.push_back(std::move(place));
  }
  return out;
}

std::vector<sagemaker_runtime::InstanceRoute> FleetRunner::processes(
    const FleetOwner& owner, const Fleet& fleet, const std::vector<InstanceIndex>& which) {
  std::vector<sagemaker_runtime::InstanceRoute> out;
  for (const InstanceIndex& at : which) {
    const Variant& variant = fleet.variants.at(std::size_t(at.variant));
    if (!variant.native() && variant.instances.at(std::size_t(at.instance)).ready())
      out.push_back(instance_route(owner, fleet, at));
  }
  return out;
}

void FleetRunner::sweep() {
  std::lock_guard lock(mutex_);
  for (auto& [folder, source] : sources_) source->sweep();
}

}  // namespace tidemill::services::sagemaker::hosting
