// SageMaker's container contract over one model: GET /ping, POST /invocations.
#pragma once

#include "model_server/serve/batcher.h"
#include "runtime/worker_pool.h"
#include "wire/http.h"

namespace tidemill::model_server {

// A request body larger than this is refused with 413.
inline constexpr std::uint64_t kBodyBytesMax = 64u << 20;

class ModelHandler final : public wire::HttpHandler {
 public:
  // Everything outlives the handler. `pool` reads and decodes bodies.
  ModelHandler(const Runner& runner, Batcher& batcher, runtime::WorkerPool& pool)
      : runner_(runner), batcher_(batcher), pool_(pool) {}
  void handle(wire::HttpRequest request, Respond respond) override;

 private:
  void invoke(wire::HttpRequest request, Respond respond);

  const Runner& runner_;
  Batcher& batcher_;
  runtime::WorkerPool& pool_;
};

}  // namespace tidemill::model_server
