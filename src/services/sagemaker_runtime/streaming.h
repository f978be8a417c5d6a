// InvokeEndpointWithResponseStream: sends the answer as an event stream, each piece as soon as the
// model has produced it.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/error.h"
#include "base/push_body.h"

namespace tidemill::services::sagemaker_runtime {

struct StreamedAnswer {
  std::string content_type;  // of the payload inside the events
  std::string invoked_variant, custom_attributes;
  std::string new_session_id, closed_session_id;
  // PayloadPart events, then a ModelStreamError if the model breaks off.
  std::unique_ptr<PushReader> events;
  std::shared_ptr<const void> held;  // shared with the answer: the budget of bytes held for it
};

// Errors before the first part are those of InvokeEndpoint.
using StreamDone = std::move_only_function<void(Result<StreamedAnswer>)>;

}  // namespace tidemill::services::sagemaker_runtime
