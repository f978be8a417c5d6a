#include "services/sagemaker/jobs/transform_job/fleet_models.h"

#include <algorithm>
#include <thread>

#include "infer/codec/codec.h"
#include "services/sagemaker/common/job_log.h"
#include "services/sagemaker/hosting/fleet/variant_factory.h"
#include "services/sagemaker/jobs/transform_job/rules.h"

namespace tidemill::services::sagemaker::jobs {

namespace {

// Large enough that a call costs nothing beside its rows, small enough to stay in the caches and to
// keep every thread busy.
constexpr std::size_t kNativePayloadBytes = 256u << 10;
// Times that a job's model servers are started again before what they do counts as an answer.
constexpr int kRevivalsMax = 10;
// Length of the random part of a route's name.
constexpr std::size_t kSecretCharacters = 32;

hosting::FleetOwner owner_of(const TransformJob& job) {
  hosting::FleetOwner owner;
  owner.kind = "transform";
  owner.account = job.account;
  owner.region = job.region;
  owner.name = job.name();
  owner.server_url = job.server_url;
  owner.log_group = kTransformLogGroup;
  return owner;
}

Result<hosting::Fleet> fleet_of(const TransformJob& job) {
  hosting::Fleet fleet;
  TRY(from_value(job.model, fleet));
  return fleet;
}

std::unexpected<Error> invalid(std::string message) {
  return fail("ValidationException", std::move(message));
}

// The job's own variables, and those in which SageMaker tells a container about the batch.
std::map<std::string, std::string> batch_environment(
    const api::sagemaker::CreateTransformJobRequest& request) {
  std::map<std::string, std::string> out;
  if (request.environment) out = *request.environment;
  out["SAGEMAKER_BATCH"] = "true";
  if (request.max_payload_in_mb)
    out["SAGEMAKER_MAX_PAYLOAD_IN_MB"] = std::to_string(*request.max_payload_in_mb);
  if (request.max_concurrent_transforms)
    out["SAGEMAKER_MAX_CONCURRENT_TRANSFORMS"] = std::to_string(*request.max_concurrent_transforms);
  if (request.batch_strategy)
    out["SAGEMAKER_BATCH_STRATEGY"] =
        *request.batch_strategy == api::sagemaker::batch_strategy::kSingleRecord ? "SINGLE_RECORD"
                                                                                 : "MULTI_RECORD";
  return out;
}

// Predicts on the caller's thread.
class NativeModel final : public BatchModel {
 public:
  explicit NativeModel(const sagemaker_runtime::ContainerRoute& route)
      : model_(route.native), request_(route.request), response_(route.response) {}

  Result<std::string> invoke(Request request) override {
    Result<infer::Matrix> rows =
        infer::decode_rows(request.content_type, request.body, model_->feature_count(), request_);
    if (!rows) return refused(rows.error());
    Result<infer::Predictions> predictions = model_->predict(*rows);
    if (!predictions) return refused(predictions.error());
    Result<infer::EncodedResponse> encoded =
        infer::encode_predictions(*predictions, *model_, request.accept, response_);
    if (!encoded) return refused(encoded.error());
    return std::move(encoded->body);
  }
  std::size_t payload_bytes_wanted() const override { return kNativePayloadBytes; }

 private:
  static std::unexpected<Error> refused(const Error& from) {
    Error error{"ModelError", from.message, 424};
    const int status = from.http_status ? from.http_status : 400;
    error.details = {{"OriginalStatusCode", std::to_string(status)},
                     {"OriginalMessage", from.message}};
    return fail(std::move(error));
  }

  // Shared: with the fleet runner, which loaded it.
  const std::shared_ptr<const infer::Model> model_;
  const infer::RequestOptions request_;
  const infer::ResponseOptions response_;
};

bool never_answered(const Error& error) {
  if (error.code != "ModelError") return true;
  auto status = error.details.find("OriginalStatusCode");
  return status == error.details.end() || status->second == "0";
}

}  // namespace

// Asks through the routing table, and starts servers again that ended.
class FleetModels::Routed final : public BatchModel {
 public:
  Routed(FleetModels& models, TransformJob job, hosting::Fleet fleet, std::string route)
      : models_(models), job_(std::move(job)), route_(std::move(route)), fleet_(std::move(fleet)) {}
  ~Routed() override { models_.routes_.remove(job_.account, job_.region, route_); }

  Result<std::string> invoke(Request request) override {
    const std::stop_token stop = request.stop;
    Result<std::string> answer =
        models_.invoke_(job_.account, job_.region, route_, std::move(request));
    if (!answer && never_answered(answer.error()) && !stop.stop_requested()) revive();
    return answer;  // the caller tries again
  }
  std::size_t payload_bytes_wanted() const override { return 0; }

 private:
  void revive() {
    std::lock_guard lock(mutex_);
    if (revivals_ >= kRevivalsMax || !models_.next_attempts(owner_of(job_), fleet_)) return;
    ++revivals_;
    Result<hosting::Fleet> revived = models_.revive(job_, fleet_);
    if (revived) fleet_ = std::move(*revived);
    if (revived) (void)models_.publish(job_, fleet_, route_);
  }

  FleetModels& models_;
  const TransformJob job_;
  const std::string route_;
  std::mutex mutex_;
  hosting::Fleet fleet_;  // guarded by mutex_
  int revivals_ = 0;      // guarded by mutex_
};

FleetModels::FleetModels(const Dependencies& dependencies, hosting::FleetRunner& fleets,
                         sagemaker_runtime::RoutingTable& routes,
                         std::function<bool(const hosting::ServerAddress&)> ping,
                         InvokeRoute invoke)
    : on_(dependencies),
      fleets_(fleets),
      routes_(routes),
      ping_(std::move(ping)),
      invoke_(std::move(invoke)) {}

Result<BatchModels::Plan> FleetModels::plan(
    const Context& context, const api::sagemaker::CreateTransformJobRequest& request,
    const std::string& instance_id) {
  hosting::Variant variant =
      TRY(hosting::variant_of_model(on_, context.account(), context.region, request.model_name));
  if (variant.direct)
    return invalid("The model " + request.model_name +
                   " has the InferenceExecutionConfig Direct; transform jobs need Serial.");
  for (const hosting::Container& container : variant.containers)
    if (container.multi_model)
      return invalid("The model " + request.model_name +
                     " has a multi-model container, which transform jobs cannot use.");
  variant.name = request.transform_job_name;
  variant.instance_type = request.transform_resources->instance_type;
  for (hosting::Container& container : variant.containers)
    for (const auto& [name, value] : batch_environment(request))
      container.environment[name] = value;
  // Instances beyond the cores would only wait for each other.
  const auto cores = std::max<std::int64_t>(1, std::thread::hardware_concurrency());
  variant.resize(variant.native() ? 1
                                  : std::min(cores, request.transform_resources->instance_count));
  Plan out;
  out.role_arn = variant.role_arn;
  out.role_since = variant.role_since;
  hosting::Fleet fleet;
  fleet.id = instance_id;
  fleet.variants.push_back(std::move(variant));
  fleet.started = on_.clock.now();
  out.model = to_value(fleet);
  return out;
}

bool FleetModels::next_attempts(const hosting::FleetOwner& owner, hosting::Fleet& fleet) {
  bool any = false;
  Result<sagemaker_runtime::VariantRoute> route = fleets_.route(owner, fleet, 0);
  hosting::Variant& variant = fleet.variants.front();
  std::size_t ready = 0;
  for (hosting::Instance& instance : variant.instances) {
    if (!instance.ready()) continue;
    for (std::size_t i = 0; route && i < instance.servers.size(); ++i) {
      if (variant.containers[i].native()) continue;
      if (ping_(route->instances.at(ready).servers.at(i).address)) continue;
      ++instance.servers[i].attempt;
      instance.servers[i].ready = false;
      instance.servers[i].port = 0;
      any = true;
    }
    ++ready;
  }
  return any;
}

Result<hosting::Fleet> FleetModels::revive(const TransformJob& job, hosting::Fleet fleet) {
  ValueObject changed;
  changed.append("model", to_value(fleet));
  TRY(on_.engine.send(kTransformJobMachine, transform_job_key(job.account, job.region, job.name()),
                      {transform_events::kModelChanged, std::move(changed)}));
  const hosting::FleetOwner owner = owner_of(job);
  hosting::Variant& variant = fleet.variants.front();
  for (std::size_t i = 0; i < variant.instances.size(); ++i)
    for (std::size_t c = 0; c < variant.containers.size(); ++c) {
      hosting::Server& server = variant.instances[i].servers[c];
      if (server.ready) continue;
      const hosting::ServerRef ref{fleet.id, 0, std::int64_t(i), std::int64_t(c), server.attempt,
                                   0,        {}};
      server.port = TRY(fleets_.start_server(owner, fleet, ref)).port;
      server.ready = true;
    }
  return fleet;
}

Result<Value> FleetModels::start(const TransformJob& job) {
  const hosting::FleetOwner owner = owner_of(job);
  hosting::Fleet fleet = TRY(fleet_of(job));
  const std::vector<hosting::InstanceIndex> instances = hosting::all_instances(fleet);
  fleet = TRY(fleets_.start(owner, std::move(fleet), instances));
  // Servers that the record has as ready may be gone since: after a power cut all of them are.
  if (next_attempts(owner, fleet)) fleet = TRY(revive(job, std::move(fleet)));
  return to_value(fleet);
}

Result<void> FleetModels::publish(const TransformJob& job, const hosting::Fleet& fleet,
                                  const std::string& name) {
  sagemaker_runtime::EndpointRoute route;
  route.account = job.account;
  route.region = job.region;
  route.name = name;
  route.variants.push_back(TRY(fleets_.route(owner_of(job), fleet, 0)));
  routes_.put(std::move(route));
  return {};
}

Result<std::unique_ptr<BatchModel>> FleetModels::open(const TransformJob& job) {
  hosting::Fleet fleet = TRY(fleet_of(job));
  if (fleet.variants.front().native() && fleet.variants.front().containers.size() == 1) {
    const auto route = TRY(fleets_.route(owner_of(job), fleet, 0));
    return std::make_unique<NativeModel>(route.containers.front());
  }
  // Clients invoke by name; this one nobody can guess, and no endpoint can have a '/'.
  const std::string name = job.name() + "/" + make_token(on_.random, kSecretCharacters);
  TRY(publish(job, fleet, name));
  return std::make_unique<Routed>(*this, job, std::move(fleet), name);
}

Result<void> FleetModels::stop(const TransformJob& job) {
  return fleets_.stop(owner_of(job), TRY(fleet_of(job)));
}

// The next request to a server that ended notices that, and starts it again.
void FleetModels::job_exited(const std::string&, const compute::JobExit&) {}

bool FleetModels::job_logged(const std::string& id, const std::vector<compute::LogLine>& lines) {
  Result<hosting::ServerJob> from = hosting::parse_server_job_id(id);
  if (!from) return true;
  auto found =
      transform_jobs().get(on_.store, transform_job_key(from->account, from->region, from->name));
  if (!found) return false;
  if (!*found) return true;
  Result<hosting::Fleet> fleet = fleet_of((*found)->record);
  if (!fleet || fleet->variants.empty()) return true;
  return keep_lines(on_.logs,
                    {from->account, from->region, kTransformLogGroup,
                     hosting::server_log_stream(fleet->variants.front(), from->ref)},
                    lines, LogSource::many_jobs);
}

}  // namespace tidemill::services::sagemaker::jobs
