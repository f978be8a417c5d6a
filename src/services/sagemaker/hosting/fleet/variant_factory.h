// From a model to what runs it.
#pragma once

#include "api/sagemaker/model.h"
#include "services/sagemaker/common/dependencies.h"
#include "services/sagemaker/hosting/fleet/fleet.h"

namespace tidemill::services::sagemaker::hosting {

// A variant that runs the model, without instances. ValidationException when there is no such
// model.
Result<Variant> variant_of_model(const Dependencies& dependencies, const std::string& account,
                                 const std::string& region, const std::string& model_name);

// The same of a single container, which acts as the host's role.
Result<Variant> variant_of_container(const api::sagemaker::ContainerDefinition& container,
                                     const Variant& host);

}  // namespace tidemill::services::sagemaker::hosting
