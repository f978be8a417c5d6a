// Multi-model containers that are processes, by SageMaker's contract for them: POST /models loads,
// DELETE /models/NAME unloads, POST /models/NAME/invoke predicts. A server that was restarted has
// forgotten its models and says 404, one that is full says 507, so it is asked first and told then.
#include "base/checksum.h"
#include "base/encoding.h"
#include "base/json.h"
#include "services/sagemaker_runtime/invocation.h"
#include "services/sagemaker_runtime/model_error.h"

namespace tidemill::services::sagemaker_runtime {
namespace {

constexpr int kLoadsMax = 4;
constexpr int kStatusNotFound = 404, kStatusConflict = 409, kStatusFull = 507;

// A model's name within the server: a target has slashes.
std::string name_of(const std::string& target) {
  return encode_hex(checksum_of(ChecksumAlgorithm::sha256, target)).substr(0, 32);
}

// The names of GET /models: {"models": [{"modelName": ..}]}
std::string first_model(const std::string& body) {
  Result<Value> answer = parse_json(body);
  const Value* models = answer ? answer->find("models") : nullptr;
  const ValueList* list = models ? models->as_list() : nullptr;
  if (!list || list->empty()) return {};
  const Value* name = list->front().find("modelName");
  return name && name->as_string() ? *name->as_string() : std::string();
}

// What loading came to: nothing, when the server has the model now.
using ServerLoad = std::optional<Result<wire::ClientResponse>>;

// Makes room and has the server load the model. Blocks.
ServerLoad load_into(wire::HttpClient& client, const wire::Destination& to,
                     const std::string& target, const std::string& folder,
                     const wire::ClientLimits& limits) {
  for (int attempt = 0;; ++attempt) {
    ValueObject wanted;
    wanted.append("model_name", name_of(target));
    wanted.append("url", folder);
    wire::ClientRequest load;
    load.method = "POST";
    load.target = "/models";
    load.headers.add("Content-Type", "application/json");
    load.body = write_json(wanted);
    Result<wire::ClientResponse> loaded = client.request_and_wait(to, std::move(load), limits);
    if (loaded && (loaded->status == 200 || loaded->status == kStatusConflict)) return {};
    if (!loaded || loaded->status != kStatusFull || attempt >= kLoadsMax) return loaded;
    wire::ClientRequest list;
    list.target = "/models";
    Result<wire::ClientResponse> held = client.request_and_wait(to, std::move(list), limits);
    wire::ClientRequest unload;
    unload.method = "DELETE";
    // The server lists its models from the one that was longest unused.
    unload.target = "/models/" + (held ? first_model(held->body) : std::string());
    (void)client.request_and_wait(to, std::move(unload), limits);
  }
}

}  // namespace

void Inference::run_multi_model(Pointer invocation) {
  InvokeRequest copy = invocation->request;  // it may have to be sent again
  wire::ClientRequest request = to_model(copy);
  request.target = "/models/" + name_of(invocation->request.target_model) + "/invoke";
  const wire::Destination to = destination(*invocation);
  invocation->chosen.load()->sent(limits_.model_time, invocation->request.from_queue);
  client_.request(
      to, std::move(request), {limits_.model_time, limits_.body_bytes_max},
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

// On a thread that may block: fetches the model and has the server load it, for all who wait.
void Inference::load_into_server(Pointer invocation) {
  ++invocation->loads;
  const wire::Destination to = destination(*invocation);
  // Held until the load ends, whoever is still waiting then.
  std::shared_ptr<ModelSource> models = invocation->route().models;
  LoadKey server_load{models.get(), invocation->request.target_model, to.text()};
  wait_for_load(
      std::move(server_load), std::move(invocation), [this, to, models](const LoadKey& key) {
        const Result<std::string> folder = models->fetch(key.target);
        const InferenceLimits limits{limits_.body_bytes_max, kServerLoadTime};
        ServerLoad failed;
        if (folder)
          failed = load_into(client_, to, key.target, *folder,
                             {limits.model_time, limits.body_bytes_max});
        for (Pointer& each : waiting_for_load_->take(key)) {
          Chosen& chosen = each->chosen;
          if (!folder) {
            next(std::move(each), fail(folder.error()));
          } else if (!failed || (!*failed && fail_over(chosen, failed->error()))) {
            loops_.nearest().post(
                [this, again = std::move(each)]() mutable { run_multi_model(std::move(again)); });
          } else if (*failed && (*failed)->status == kStatusFull) {
            next(std::move(each), fail(unavailable("The model " + key.target +
                                                   " does not fit into the container.")));
          } else {
            InvokeResult result =
                chosen.answer(each->container, limits, each->request.from_queue, *failed);
            next(std::move(each), std::move(result));
          }
        }
      });
}

}  // namespace tidemill::services::sagemaker_runtime
