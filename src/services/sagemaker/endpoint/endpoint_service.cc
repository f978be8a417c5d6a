#include "services/sagemaker/endpoint/endpoint_service.h"

#include <sstream>

#include "base/log.h"
#include "services/sagemaker/endpoint/handlers.h"
#include "services/sagemaker/endpoint/transitions.h"
#include "services/sagemaker/endpoint_config/endpoint_config.h"
#include "services/sagemaker/tags/tags.h"

namespace tidemill::services::sagemaker {
namespace {

namespace tasks = endpoint_tasks;
namespace events = endpoint_events;
namespace runtime_routes = sagemaker_runtime;

constexpr std::size_t kScanPage = 500;
// Endpoints that are not published by then (many native models to load) follow in the background.
constexpr std::chrono::milliseconds kStartTime{500};

std::vector<std::string> split_keys(const std::string& text) {
  std::vector<std::string> keys;
  std::istringstream in(text);
  for (std::string key; std::getline(in, key, ',');) {
    std::erase(key, ' ');
    if (!key.empty()) keys.push_back(key);
  }
  return keys;
}

infer::ResponseOptions response_options(const std::map<std::string, std::string>& environment) {
  infer::ResponseOptions options;
  auto at = [&](const char* name) {
    auto found = environment.find(name);
    return found == environment.end() ? std::string() : found->second;
  };
  if (std::string accept = at("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT"); !accept.empty())
    options.default_accept = accept;
  options.output_keys = split_keys(at("SAGEMAKER_INFERENCE_OUTPUT"));
  options.one_per_line = !at("SAGEMAKER_BATCH").empty();
  return options;
}

template <class T>
Result<T> payload(const engine::TaskRun& run) {
  T out{};
  TRY(from_value(run.payload, out));
  return out;
}

}  // namespace

std::vector<store::TableSpec> EndpointService::tables() {
  return {models().spec(), endpoint_configs().spec(), endpoints().spec()};
}

EndpointService::EndpointService(const Dependencies& dependencies,
                                 sagemaker_runtime::RoutingTable& routes, EndpointOptions options)
    : in_(dependencies),
      routes_(routes),
      fleets_(dependencies, std::move(options.directory), std::move(options.ping)),
      handlers_(dependencies) {}

void EndpointService::add_to(engine::Engine& engine) {
  engine.add(engine::make_machine(kEndpointMachine, endpoints(), endpoint_transition,
                                  [this](const Endpoint& endpoint, const engine::TaskRun& run) {
                                    return run_task(endpoint, run);
                                  }));
}

EndpointService::~EndpointService() { stop(); }

void EndpointService::add_to(Registry& registry) {
  add_model_operations(registry, in_);
  add_endpoint_config_operations(registry, in_);
  handlers_.add_to(registry);
}

void EndpointService::start() {
  std::vector<std::string> keys = keys_in_service();
  const auto deadline = std::chrono::steady_clock::now() + kStartTime;
  std::size_t published = 0;
  while (published < keys.size() && std::chrono::steady_clock::now() < deadline)
    publish_or_log(keys[published++]);
  keys.erase(keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(published));
  if (keys.empty()) return;
  starter_ = std::jthread([this, keys = std::move(keys)](const std::stop_token& stop) {
    for (const std::string& key : keys) {
      if (stop.stop_requested()) return;
      publish_or_log(key);
    }
  });
}

void EndpointService::stop() {
  fleets_.cancel();
  starter_ = {};
}

std::vector<std::string> EndpointService::keys_in_service() {
  std::vector<std::string> keys;
  store::Scan scan;
  scan.limit = kScanPage;
  do {
    auto page = endpoints().scan(in_.store, scan);
    if (!page) {
      log::error("cannot read the endpoints", {{"reason", page.error().message}});
      break;
    }
    for (const auto& found : page->records)
      if (found.record.active)
        keys.push_back(endpoint_key(found.record.account, found.record.region, found.record.name));
    scan.after = page->next;
  } while (!scan.after.empty());
  return keys;
}

void EndpointService::publish_or_log(const std::string& key) {
  Result<void> published = publish(key);
  if (!published)
    log::error("cannot serve an endpoint",
               {{"endpoint", store::split_key(key).back()}, {"reason", published.error().message}});
}

engine::TaskResult EndpointService::run_task(const Endpoint& endpoint, const engine::TaskRun& run) {
  if (run.type == tasks::kStartFleet) return start_fleet(endpoint, run);
  if (run.type == tasks::kRestartInstance) return restart_instance(endpoint, run);
  if (run.type == tasks::kRemove) return remove(endpoint, run);
  if (run.type == tasks::kPublish) {
    TRY(publish(run.key));
    return std::vector<engine::Event>{{events::kPublished, {}}};
  }
  if (run.type == tasks::kStopFleet) {
    const Fleet fleet = TRY(payload<Fleet>(run));
    TRY(fleets_.stop(endpoint, fleet));
    return std::vector<engine::Event>();
  }
  return fail(codes::kInvalid, "unknown task " + run.type);
}

engine::TaskResult EndpointService::start_fleet(const Endpoint& endpoint,
                                                const engine::TaskRun& run) {
  InstanceRef ref = TRY(payload<InstanceRef>(run));
  if (!endpoint.pending || endpoint.pending->id != ref.fleet) return std::vector<engine::Event>();
  Result<Fleet> started = fleets_.start(endpoint, *endpoint.pending);
  if (started) {
    TRY(publish_ready(run.key, *started));
    return std::vector<engine::Event>{{events::kFleetReady, to_value(*started)}};
  }
  if (started.error().code != kDeploymentFailed) return fail(started.error());
  ref.reason = started.error().message;
  return std::vector<engine::Event>{{events::kFleetFailed, to_value(ref)}};
}

engine::TaskResult EndpointService::restart_instance(const Endpoint& endpoint,
                                                     const engine::TaskRun& run) {
  InstanceRef ref = TRY(payload<InstanceRef>(run));
  if (!endpoint.active || endpoint.active->id != ref.fleet) return std::vector<engine::Event>();
  Result<InstanceRef> started = fleets_.start_instance(endpoint, *endpoint.active, ref);
  if (started) return std::vector<engine::Event>{{events::kInstanceReady, to_value(*started)}};
  if (started.error().code != kDeploymentFailed) return fail(started.error());
  log::warning("a model server does not come up",
               {{"endpoint", endpoint.arn}, {"reason", started.error().message}});
  return std::vector<engine::Event>{{events::kInstanceExited, to_value(ref)}};
}

engine::TaskResult EndpointService::remove(const Endpoint& endpoint, const engine::TaskRun& run) {
  TRY(publish(run.key));
  if (endpoint.pending) TRY(fleets_.stop(endpoint, *endpoint.pending));
  if (endpoint.active) TRY(fleets_.stop(endpoint, *endpoint.active));
  store::Transaction transaction;
  erase_tags(transaction, endpoint.arn);
  TRY(in_.engine.erase(kEndpointMachine, run.key, std::move(transaction)));
  return std::vector<engine::Event>();
}

Result<sagemaker_runtime::EndpointRoute> EndpointService::route_of(const Endpoint& endpoint) {
  runtime_routes::EndpointRoute route{endpoint.account, endpoint.region, endpoint.name, {}};
  const Fleet& fleet = *endpoint.active;
  for (std::size_t index = 0; index < fleet.variants.size(); ++index) {
    const Variant& variant = fleet.variants[index];
    runtime_routes::VariantRoute out;
    out.name = variant.name;
    out.weight = variant.weight;
    out.response = response_options(variant.environment);
    if (variant.native) out.native = TRY(fleets_.model(fleet, index));
    for (std::size_t i = 0; i < variant.instances.size(); ++i)
      if (variant.instances[i].ready)
        out.instances.push_back({static_cast<std::uint16_t>(variant.instances[i].port),
                                 instance_log_stream(variant, fleet.id, std::int64_t(i))});
    route.variants.push_back(std::move(out));
  }
  return route;
}

Result<void> EndpointService::publish(const std::string& key) {
  std::lock_guard lock(publishing_);
  auto found = TRY(endpoints().get(in_.store, key));
  if (found && found->record.active && found->record.status != "Deleting") {
    routes_.put(TRY(route_of(found->record)));
    return {};
  }
  const std::vector<std::string> parts = store::split_key(key);
  if (parts.size() == 3) routes_.remove(parts[0], parts[1], parts[2]);
  return {};
}

Result<void> EndpointService::publish_ready(const std::string& key, const Fleet& fleet) {
  std::lock_guard lock(publishing_);
  auto found = TRY(endpoints().get(in_.store, key));
  if (!found || found->record.status == "Deleting" || !found->record.pending ||
      found->record.pending->id != fleet.id)
    return {};
  Endpoint next = found->record;
  next.active = fleet;
  routes_.put(TRY(route_of(next)));
  return {};
}

void EndpointService::job_exited(const std::string& id, const compute::JobExit& exit) {
  Result<InstanceJob> job = parse_instance_job_id(id);
  if (!job || exit.stop_requested) return;
  job->ref.reason = "exit code " + std::to_string(exit.exit_code);
  // Stale for instances that are still being started: whoever waits for them sees the exit itself.
  Result<bool> sent =
      in_.engine.send(kEndpointMachine, endpoint_key(job->account, job->region, job->endpoint),
                      {events::kInstanceExited, to_value(job->ref)});
  if (sent && *sent)
    log::warning("a model server ended; it is started again",
                 {{"endpoint", job->endpoint}, {"exit_code", exit.exit_code}});
}

bool EndpointService::job_logged(const std::string& id,
                                 const std::vector<compute::LogLine>& lines) {
  Result<InstanceJob> job = parse_instance_job_id(id);
  if (!job) return true;
  auto found = endpoints().get(in_.store, endpoint_key(job->account, job->region, job->endpoint));
  if (!found) return false;
  if (!*found) return true;  // deleted meanwhile
  std::string stream = "i-" + job->ref.fleet + "-" + std::to_string(job->ref.instance);
  for (const auto* fleet : {&(*found)->record.active, &(*found)->record.pending})
    if (*fleet && (*fleet)->id == job->ref.fleet &&
        job->ref.variant < std::int64_t((*fleet)->variants.size()))
      stream = instance_log_stream((*fleet)->variants[std::size_t(job->ref.variant)],
                                   job->ref.fleet, job->ref.instance);
  std::vector<logs::LogEvent> entries;
  entries.reserve(lines.size());
  for (const compute::LogLine& line : lines) entries.push_back({line.time, line.text});
  return in_.logs
      .append(job->account, job->region, kEndpointLogGroup + job->endpoint, stream,
              std::move(entries))
      .has_value();
}

}  // namespace tidemill::services::sagemaker
