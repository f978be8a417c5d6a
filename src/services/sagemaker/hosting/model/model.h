// Models: a container image, where its model data lie, and the role it runs as.
#pragma once

#include <boost/describe.hpp>
#include <string>
#include <vector>

#include "api/sagemaker/model.h"
#include "services/platform/handlers/handlers.h"
#include "services/sagemaker/common/dependencies.h"
#include "store/table.h"

namespace tidemill::services::sagemaker::hosting {

struct ModelRecord {
  std::string account, region, arn;
  api::sagemaker::CreateModelInput request;
  Timestamp created;

  const std::string& name() const { return request.model_name; }
};
TIDEMILL_RECORD(ModelRecord, (), (account, region, arn, request, created))

const store::Table<ModelRecord>& models();
std::string model_key(std::string_view account, std::string_view region, std::string_view name);
std::string model_arn(std::string_view account, std::string_view region, std::string_view name);

// PrimaryContainer or Containers, in their order. The pointers are into `request`.
std::vector<const api::sagemaker::ContainerDefinition*> containers_of(
    const api::sagemaker::CreateModelInput& request);
// The place of a container's model data: ModelDataUrl and ModelDataSource in one form.
struct ModelData {
  std::string uri;         // "" none
  bool compressed = true;  // one tar.gz; else every object below the prefix
  bool single_object = true;
};
ModelData model_data(const api::sagemaker::ContainerDefinition& container);

// Checks across members. ValidationException.
Result<void> check_model(const api::sagemaker::CreateModelInput& request);

// The values of aws:SourceArn when SageMaker uses the role of a model or endpoint configuration:
// its own ARN, and patterns for endpoints and transform jobs that are made of it later, whose names
// are not known yet. AWS's pages show trust policies that name any of them.
std::vector<std::string> hosting_source_arns(const std::string& own_arn);

// CreateModel, DescribeModel, ListModels, DeleteModel.
void add_model_operations(Registry& registry, const Dependencies& dependencies);

}  // namespace tidemill::services::sagemaker::hosting
