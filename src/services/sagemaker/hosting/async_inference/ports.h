// The parts of endpoints, models and S3 that asynchronous inference uses; tests pass fakes.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "services/s3/interface.h"
#include "services/sagemaker/common/dependencies.h"

namespace tidemill::services::sagemaker::hosting {

// An endpoint as its record says now.
struct AsyncTarget {
  enum class Kind { gone, not_asynchronous, asynchronous };
  Kind kind = Kind::gone;
  int instances = 0;  // ready ones; 0: requests wait
  int concurrent_invocations_per_instance = 1;
  std::string role_arn;  // reads the input, writes the output
  Timestamp role_since;  // as RoleUse::since
  std::string output_path, failure_path;
};

struct AsyncCall {
  std::string account, region, endpoint;
  std::string content_type, accept, custom_attributes, inference_id;
  std::string body;
  std::int64_t timeout_seconds = 0;
};
struct AsyncAnswer {
  std::string body, content_type;
};

struct AsyncInvocation;
RoleUse role_use(const AsyncInvocation& invocation);

// All thread-safe.
struct AsyncPorts {
  // Reads the store.
  std::function<Result<AsyncTarget>(std::string_view account, std::string_view region,
                                    std::string_view endpoint)>
      look_up;
  // Asks the model; never blocks. `done` comes exactly once, from any thread, and must not block.
  // ServiceUnavailable and ThrottlingException: nothing was begun, again later.
  std::function<void(AsyncCall, std::move_only_function<void(Result<AsyncAnswer>)> done)> invoke;
  // S3 as the role may use it.
  S3As s3_as;
};

}  // namespace tidemill::services::sagemaker::hosting
