// Multi-model containers that are processes. SageMaker's contract: POST /models loads a model,
// DELETE /models/NAME unloads it, POST /models/NAME/invoke predicts. Requests go to the server
// first. It answers 404 when it lacks the model (also after a restart), and 507 when it is full.
#include <algorithm>
#include <optional>
#include <utility>

#include "base/checksum.h"
#include "base/encoding.h"
#include "base/json.h"
#include "services/sagemaker_runtime/invocation.h"
#include "services/sagemaker_runtime/model_error.h"

namespace tidemill::services::sagemaker_runtime {
namespace {

// Limit of loads for an invocation, and what a load counts when the model was there already.
constexpr int kLoadsMax = 4;
constexpr int kLoadsForConflict = 1;
constexpr std::chrono::milliseconds kLeastTime{1};
constexpr int kStatusNotFound = 404, kStatusConflict = 409, kStatusFull = 507;

// A model's name for the server, since a target may contain slashes.
std::string name_of(const std::string& target) {
  return encode_hex(checksum_of(ChecksumAlgorithm::sha256, target)).substr(0, 32);
}

// The first name in the answer to GET /models: {"models": [{"modelName": ..}]}.
std::string first_model(const std::string& body) {
  Result<Value> answer = parse_json(body);
  const Value* models = answer ? answer->find("models") : nullptr;
  const ValueList* list = models ? models->as_list() : nullptr;
  if (!list || list->empty()) return {};
  const Value* name = list->front().find("modelName");
  return name && name->as_string() ? *name->as_string() : std::string();
}

// The result of loading a model.
struct ServerLoad {
  bool already = false;  // the server says that it has the model already
  std::optional<Result<wire::ClientResponse>> failed;
};

// Requests to one server that share a deadline. They block.
class Loading {
 public:
  Loading(wire::HttpClient& client, const wire::Destination& to, const InferenceLimits& limits)
      : client_(client),
        to_(to),
        body_bytes_max_(limits.body_bytes_max),
        deadline_(std::chrono::steady_clock::now() + limits.server_load_time) {}

  // Makes room and lets the server load the model.
  ServerLoad load(const std::string& target, const std::string& folder) {
    ValueObject wanted;
    wanted.append("model_name", name_of(target));
    wanted.append("url", folder);
    const std::string body = write_json(wanted);
    for (int attempt = 0;; ++attempt) {
      Result<wire::ClientResponse> loaded = ask("POST", "/models", body);
      if (loaded && loaded->status == 200) return {};
      if (loaded && loaded->status == kStatusConflict) return {true, {}};
      if (!loaded && loaded.error().code == codes::kTimeout) give_up(target);
      if (!loaded || loaded->status != kStatusFull || attempt >= kLoadsMax)
        return {false, std::move(loaded)};
      Result<wire::ClientResponse> held = ask("GET", "/models");
      // The server lists its models in order of last use; the first is the longest unused.
      (void)ask("DELETE", "/models/" + (held ? first_model(held->body) : std::string()));
    }
  }

 private:
  Result<wire::ClientResponse> ask(std::string method, std::string path, std::string body = {}) {
    wire::ClientRequest request;
    request.method = std::move(method);
    request.target = std::move(path);
    if (!body.empty()) request.headers.add("Content-Type", "application/json");
    request.body = std::move(body);
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline_ - std::chrono::steady_clock::now());
    return client_.request_and_wait(to_, std::move(request),
                                    {std::max(left, kLeastTime), body_bytes_max_});
  }
  // Unloads a hanging model, so that it keeps no memory and delays no later request.
  void give_up(const std::string& target) {
    wire::ClientRequest unload;
    unload.method = "DELETE";
    unload.target = "/models/" + name_of(target);
    (void)client_.request_and_wait(to_, std::move(unload), {kPingTime, body_bytes_max_});
  }

  wire::HttpClient& client_;
  const wire::Destination& to_;
  const std::size_t body_bytes_max_;
  const std::chrono::steady_clock::time_point deadline_;
};

}  // namespace

void Inference::run_multi_model(Pointer invocation) {
  InvokeRequest copy = invocation->request;  // a copy: the request may have to be sent again
  wire::ClientRequest request = to_model(copy);
  request.target = "/models/" + name_of(invocation->request.target_model) + "/invoke";
  const wire::Destination to = destination(*invocation);
  invocation->chosen.load()->sent(limits_.model_time, invocation->request.from_queue);
  SharedBudget* budget = invocation->request.from_queue ? nullptr : &answer_bytes_;
  client_.request(
      to, std::move(request), {limits_.model_time, limits_.body_bytes_max, budget},
      [this, invocation = std::move(invocation)](Result<wire::ClientResponse> response) mutable {
        const bool unknown = response && response->status == kStatusNotFound;
        if (unknown && invocation->loads < kLoadsMax)
          return load_into_server(std::move(invocation));
        Chosen& chosen = invocation->chosen;
        if (!response && fail_over(chosen, response.error()))
          return run_multi_model(std::move(invocation));
        InvokeResult result = chosen.answer(invocation->container, limits_,
                                            invocation->request.from_queue, std::move(response));
        next(std::move(invocation), std::move(result));
      });
}

// Fetches the model and has the server load it, for all that wait. On a thread that may block.
void Inference::load_into_server(Pointer invocation) {
  ++invocation->loads;
  const wire::Destination to = destination(*invocation);
  // Held until the load ends, no matter which invocations still wait then.
  std::shared_ptr<ModelSource> models = invocation->route().models;
  LoadKey server_load{models.get(), invocation->request.target_model, to.text()};
  wait_for_load(
      std::move(server_load), std::move(invocation), [this, to, models](const LoadKey& key) {
        const Result<std::string> folder = models->fetch(key.target);
        ServerLoad load;
        if (folder) load = Loading(client_, to, limits_).load(key.target, *folder);
        for (Pointer& each : waiting_for_load_->take(key)) {
          if (!folder) {
            next(std::move(each), fail(folder.error()));
            continue;
          }
          if (load.failed) {
            not_loaded(std::move(each), key.target, *load.failed);
            continue;
          }
          // A 404 now comes from the model itself, unless another load has just evicted the model.
          if (load.already) each->loads += kLoadsForConflict;
          loops_.nearest().post(
              [this, again = std::move(each)]() mutable { run_multi_model(std::move(again)); });
        }
      });
}

void Inference::not_loaded(Pointer invocation, const std::string& target,
                           Result<wire::ClientResponse> failed) {
  Chosen& chosen = invocation->chosen;
  if (!failed) {
    const Error& error = failed.error();
    // If the instance died meanwhile, the model may have killed it, so only one more may try.
    const bool broke = error.code == codes::kIo && !never_reached(error);
    const bool another =
        broke ? !std::exchange(invocation->load_broke, true) && to_another_instance(chosen, error)
              : fail_over(chosen, error);
    if (another)
      return loops_.nearest().post(
          [this, again = std::move(invocation)]() mutable { run_multi_model(std::move(again)); });
  }
  const std::string_view log_stream = chosen.log_stream(invocation->container);
  if (failed && failed->status == kStatusFull)
    return next(std::move(invocation),
                fail(unavailable("The model " + target + " does not fit into the container.")));
  if (!failed && failed.error().code == codes::kTimeout) {
    const std::string seconds = std::to_string(limits_.server_load_time.count());
    Error error =
        model_error(chosen.entry->endpoint, chosen.route(), log_stream, 0,
                    "The model " + target + " was not loaded within " + seconds + " seconds.");
    return next(std::move(invocation), fail(std::move(error)));
  }
  InvokeResult result = chosen.answer(invocation->container, limits_,
                                      invocation->request.from_queue, std::move(failed));
  next(std::move(invocation), std::move(result));
}

}  // namespace tidemill::services::sagemaker_runtime
