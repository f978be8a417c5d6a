// The model behind a transform job, whatever it is: a native one, a Python program, a pipeline.
#pragma once

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>

#include "api/sagemaker/transform_job.h"
#include "base/error.h"
#include "base/value.h"
#include "services/platform/handlers/handlers.h"
#include "services/sagemaker/jobs/transform_job/transform_job.h"

namespace tidemill::services::sagemaker::jobs {

// Thread-safe; calls block.
class BatchModel {
 public:
  virtual ~BatchModel() = default;

  struct Request {
    std::string content_type, accept;
    std::string body;
    std::chrono::seconds timeout{0};
    std::stop_token stop = {};  // ends the wait with Tidemill.Cancelled
  };
  // The answer's body. Errors as InvokeEndpoint's: ModelError with OriginalStatusCode and
  // OriginalMessage among the details (status 0: it did not answer), ServiceUnavailable.
  virtual Result<std::string> invoke(Request request) = 0;
  // Payloads of several records need not be larger, since the model does not see how records come;
  // 0: as large as they may be.
  virtual std::size_t payload_bytes_wanted() const = 0;
};

// Thread-safe.
class BatchModels {
 public:
  virtual ~BatchModels() = default;

  struct Plan {
    Value model;  // kept with the job: later changes of the model do not reach it
    std::string role_arn;
    Timestamp role_since = {};  // as RoleUse::since
  };
  // When the job is made. ValidationException when there is no such model.
  virtual Result<Plan> plan(const Context& context,
                            const api::sagemaker::CreateTransformJobRequest& request,
                            const std::string& instance_id) = 0;
  // Starts what the job's model needs and waits until it is ready; what runs already, after a
  // restart, is adopted. Returns the job's `model` as it runs now. The error "DeploymentFailed" is
  // the user's, its message a FailureReason; others may be tried again.
  virtual Result<Value> start(const TransformJob& job) = 0;
  // The model of a job that was started; lives until stop().
  virtual Result<std::unique_ptr<BatchModel>> open(const TransformJob& job) = 0;
  // Stops and removes what start() may have left, also while it waits. Idempotent.
  virtual Result<void> stop(const TransformJob& job) = 0;
};

}  // namespace tidemill::services::sagemaker::jobs
