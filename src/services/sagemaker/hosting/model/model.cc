#include "services/sagemaker/hosting/model/model.h"

#include "services/sagemaker/common/listing/listing.h"

namespace tidemill::services::sagemaker::hosting {

TIDEMILL_RECORD_CODEC(ModelRecord)

const store::Table<ModelRecord>& models() {
  static const store::Table<ModelRecord> table{
      "sagemaker_models",
      {{"by_created",
        [](const ModelRecord& model) {
          return std::vector<std::string>{
              creation_index_key(model.account, model.region, model.created, model.name())};
        }}},
      [](const ModelRecord& record) -> std::string_view {
        return record.arn.empty() || record.name().empty() ? "it must have a name and an ARN" : "";
      }};
  return table;
}

std::string model_key(std::string_view account, std::string_view region, std::string_view name) {
  return store::key({account, region, name});
}

std::string model_arn(std::string_view account, std::string_view region, std::string_view name) {
  return "arn:aws:sagemaker:" + std::string(region) + ":" + std::string(account) + ":model/" +
         std::string(name);
}

std::vector<const api::sagemaker::ContainerDefinition*> containers_of(
    const api::sagemaker::CreateModelInput& request) {
  std::vector<const api::sagemaker::ContainerDefinition*> all;
  if (request.primary_container) all.push_back(&*request.primary_container);
  if (request.containers)
    for (const auto& container : *request.containers) all.push_back(&container);
  return all;
}

ModelData model_data(const api::sagemaker::ContainerDefinition& container) {
  if (container.model_data_url && !container.model_data_url->empty())
    return {*container.model_data_url, true, true};
  if (!container.model_data_source || !container.model_data_source->s3_data_source) return {};
  const api::sagemaker::S3ModelDataSource& source = *container.model_data_source->s3_data_source;
  return {source.s3_uri, source.compression_type == api::sagemaker::model_compression_type::kGzip,
          source.s3_data_type == api::sagemaker::s3_model_data_type::kS3Object};
}

std::vector<std::string> hosting_source_arns(const std::string& own_arn) {
  // "arn:aws:sagemaker:us-east-1:123456789012:" of "arn:aws:sagemaker:...:model/m".
  const std::string place = own_arn.substr(0, own_arn.rfind(':') + 1);
  return {own_arn, place + "endpoint/*", place + "transform-job/*"};
}

}  // namespace tidemill::services::sagemaker::hosting
