// From a model to what runs it.
#pragma once

#include "services/sagemaker/dependencies.h"
#include "services/sagemaker/fleet/fleet.h"

namespace tidemill::services::sagemaker {

// A variant that runs the model, without instances. ValidationException when there is no such
// model.
Result<Variant> variant_of_model(const Dependencies& dependencies, const std::string& account,
                                 const std::string& region, const std::string& model_name);

}  // namespace tidemill::services::sagemaker
