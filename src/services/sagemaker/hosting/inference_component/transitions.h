// How events change an inference component: pure, record + event + now -> record + tasks.
#pragma once

#include "engine/engine.h"
#include "services/sagemaker/hosting/inference_component/inference_component.h"

namespace tidemill::services::sagemaker::hosting {

// The first record, and its first tasks.
engine::Step<InferenceComponent> begin_component(InferenceComponent component,
                                                 ComponentUpdate request, Timestamp now);
// One for which the endpoint has no room: it has failed before it began.
engine::Step<InferenceComponent> refuse_component(InferenceComponent component,
                                                  ComponentUpdate request, std::string reason,
                                                  Timestamp now);

// nullopt when the event does not apply any more.
Result<std::optional<engine::Step<InferenceComponent>>> component_transition(
    const InferenceComponent& component, const engine::Event& event, Timestamp now);

}  // namespace tidemill::services::sagemaker::hosting
