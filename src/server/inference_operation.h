// InvokeEndpoint and InvokeEndpointWithResponseStream on the path that bypasses the worker pool
// (request_chain.h, AsyncOperation).
#pragma once

#include "server/request_chain.h"
#include "services/sagemaker_runtime/inference.h"

namespace tidemill::server {

class InferenceOperation final : public AsyncOperation {
 public:
  // Borrows; it outlives this.
  explicit InferenceOperation(services::sagemaker_runtime::Inference& inference)
      : inference_(inference) {}

  bool takes(const schema::Service& service, const schema::Operation& operation) const override {
    return service.name == "sagemaker-runtime" &&
           (operation.name == "InvokeEndpoint" || streams(operation));
  }
  std::uint64_t body_bytes_max() const override { return inference_.limits().body_bytes_max; }
  void run(Call& call, std::move_only_function<void(wire::HttpResponse)> respond) override;

 private:
  static bool streams(const schema::Operation& operation) {
    return operation.name == "InvokeEndpointWithResponseStream";
  }

  services::sagemaker_runtime::Inference& inference_;
};

}  // namespace tidemill::server
