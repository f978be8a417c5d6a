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

}  // namespace

void Inference::run_multi_model(Pointer invocation) {
  InvokeRequest copy = invocation->request;  // it may have to be sent again
  wire::ClientRequest request = to_model(copy);
  request.target = "/models/" + name_of(invocation->request.target_model) + "/invoke";
  const wire::Destination to = destination(*invocation);
  client_.request(
      to, std::move(request), {limits_.model_time, limits_.body_bytes_max},
      [this, invocation = std::move(invocation)](Result<wire::ClientResponse> response) mutable {
        const bool unknown = response && response->status == kStatusNotFound;
        if (unknown && invocation->loads < kLoadsMax)
          return load_into_server(std::move(invocation));
        const Chosen& chosen = invocation->chosen;
        InvokeResult result =
            from_model(chosen.entry->endpoint, chosen.route(),
                       chosen.log_stream(invocation->container), limits_, std::move(response));
        next(std::move(invocation), std::move(result));
      });
}

// On a thread that may block: fetches the model, makes room and has the server load it.
void Inference::load_into_server(Pointer invocation) {
  ++invocation->loads;
  to_pool(loads_, model_not_ready(), std::move(invocation), [this](Pointer taken) {
    const std::string& target = taken->request.target_model;
    Result<std::string> folder = taken->route().models->fetch(target);
    if (!folder) return next(std::move(taken), fail(folder.error()));
    const wire::Destination to = destination(*taken);
    const wire::ClientLimits limits{limits_.model_time, limits_.body_bytes_max};
    for (int attempt = 0;; ++attempt) {
      ValueObject wanted;
      wanted.append("model_name", name_of(target));
      wanted.append("url", *folder);
      wire::ClientRequest load;
      load.method = "POST";
      load.target = "/models";
      load.headers.add("Content-Type", "application/json");
      load.body = write_json(wanted);
      Result<wire::ClientResponse> loaded = client_.request_and_wait(to, std::move(load), limits);
      if (loaded && (loaded->status == 200 || loaded->status == kStatusConflict)) break;
      const bool full = loaded && loaded->status == kStatusFull && attempt < kLoadsMax;
      if (!full) {
        const Chosen& chosen = taken->chosen;
        InvokeResult failed =
            loaded && loaded->status == kStatusFull
                ? fail(unavailable("The model " + target + " does not fit into the container."))
                : from_model(chosen.entry->endpoint, chosen.route(),
                             chosen.log_stream(taken->container), limits_, std::move(loaded));
        return next(std::move(taken), std::move(failed));
      }
      wire::ClientRequest list;
      list.target = "/models";
      Result<wire::ClientResponse> held = client_.request_and_wait(to, std::move(list), limits);
      wire::ClientRequest unload;
      unload.method = "DELETE";
      // The server lists its models from the one that was longest unused.
      unload.target = "/models/" + (held ? first_model(held->body) : std::string());
      (void)client_.request_and_wait(to, std::move(unload), limits);
    }
    loops_.nearest().post(
        [this, again = std::move(taken)]() mutable { run_multi_model(std::move(again)); });
  });
}

}  // namespace tidemill::services::sagemaker_runtime
