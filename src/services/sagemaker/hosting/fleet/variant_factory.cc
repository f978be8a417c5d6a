#include "services/sagemaker/hosting/fleet/variant_factory.h"

#include "services/sagemaker/common/listing/listing.h"
#include "services/sagemaker/hosting/model/model.h"

namespace tidemill::services::sagemaker::hosting {
namespace {

namespace api = tidemill::api::sagemaker;

Result<Container> make_container(const api::ContainerDefinition& from) {
  Container out;
  const ModelData data = model_data(from);
  out.hostname = from.container_hostname.value_or("");
  out.image = from.image.value_or("");
  out.data_uri = data.uri;
  out.data_compressed = data.compressed;
  out.multi_model = from.mode && *from.mode == api::container_mode::kMultiModel;
  if (from.environment) out.environment = *from.environment;
  // The SDKs send an empty SAGEMAKER_PROGRAM for models without a script.
  std::erase_if(out.environment, [](const auto& each) {
    return each.first == "SAGEMAKER_PROGRAM" && each.second.empty();
  });
  const Image image = TRY(resolve_image(out.image));
  if (!is_script_mode(image, out.environment, "SAGEMAKER_PROGRAM")) {
    out.engine = engines::kNative;
    return out;
  }
  auto program = out.environment.find("SAGEMAKER_PROGRAM");
  const bool other_program = program != out.environment.end() && !program->second.ends_with(".py");
  out.engine = other_program ? engines::kProgram : engines::kPython;
  return out;
}

}  // namespace

Result<Variant> variant_of_model(const Dependencies& in, const std::string& account,
                                 const std::string& region, const std::string& model_name) {
  auto found = models().get(in.store, model_key(account, region, model_name));
  if (!found) return internal_failure(found.error());
  if (!*found)
    return fail("ValidationException",
                "Could not find model \"" + model_arn(account, region, model_name) + "\".");
  const api::CreateModelInput& model = (*found)->record.request;
  Variant out;
  out.model_name = model_name;
  out.role_arn = model.execution_role_arn.value_or("");
  out.role_since = (*found)->record.created;
  out.startup_seconds = kStartupSecondsDefault;
  out.cut_off = model.enable_network_isolation.value_or(false);
  out.direct = model.inference_execution_config &&
               model.inference_execution_config->mode == api::inference_execution_mode::kDirect;
  for (const api::ContainerDefinition* container : containers_of(model))
    out.containers.push_back(TRY(make_container(*container)));
  return out;
}

Result<Variant> variant_of_container(const api::ContainerDefinition& container,
                                     const Variant& host) {
  Variant out;
  out.role_arn = host.role_arn;
  out.role_since = host.role_since;
  out.startup_seconds = kStartupSecondsDefault;
  out.containers.push_back(TRY(make_container(container)));
  return out;
}

}  // namespace tidemill::services::sagemaker::hosting
