// SageMaker's container contract over one model: GET /ping, POST /invocations.
#pragma once

#include "model_server/serve/batcher.h"
#include "model_server/serve/classifier.h"
#include "runtime/worker_pool.h"
#include "wire/http.h"

namespace tidemill::model_server {

// A request body larger than this is refused with 413.
inline constexpr std::uint64_t kBodyBytesMax = 64u << 20;

class ModelHandler final : public wire::HttpHandler {
 public:
  // All arguments must outlive the handler. `pool` reads and decodes bodies. `classifier`: if the
  // model is one, how it answers rows, with `options`.
  ModelHandler(const Runner& runner, Batcher& batcher, runtime::WorkerPool& pool,
               std::optional<Classifier> classifier = {}, infer::ResponseOptions options = {})
      : runner_(runner),
        batcher_(batcher),
        pool_(pool),
        classifier_(std::move(classifier)),
        options_(std::move(options)) {}
  void handle(wire::HttpRequest request, Respond respond) override;

 private:
  void invoke(wire::HttpRequest request, Respond respond);

  const Runner& runner_;
  Batcher& batcher_;
  runtime::WorkerPool& pool_;
  const std::optional<Classifier> classifier_;
  const infer::ResponseOptions options_;
};

}  // namespace tidemill::model_server
