#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "services/sagemaker/hosting/model/model.h"

namespace tidemill::services::sagemaker::hosting {
namespace {

using namespace api::sagemaker;
using ::testing::AllOf;
using ::testing::HasSubstr;

CreateModelInput plain() {
  CreateModelInput request;
  request.model_name = "m";
  request.execution_role_arn = "arn:aws:iam::123456789012:role/r";
  ContainerDefinition& container = request.primary_container.emplace();
  container.image = "xgboost:1";
  S3ModelDataSource& source = container.model_data_source.emplace().s3_data_source.emplace();
  source.s3_uri = "s3://b/m/";
  source.s3_data_type = "S3Prefix";
  source.compression_type = "None";
  return request;
}

struct Case {
  const char* member;
  std::function<void(CreateModelInput&, ContainerDefinition&, S3ModelDataSource&)> ask;
};

Result<void> checked_with(const Case& each) {
  CreateModelInput request = plain();
  ContainerDefinition& container = *request.primary_container;
  each.ask(request, container, *container.model_data_source->s3_data_source);
  return check_model(request);
}

TEST(ModelRules, What_is_not_there_is_refused_by_name) {
  ASSERT_TRUE(check_model(plain()));
  const Case cases[] = {
      {"VpcConfig", [](auto& r, auto&, auto&) { r.vpc_config.emplace(); }},
      {"InferenceSpecificationName",
       [](auto&, auto& c, auto&) { c.inference_specification_name = "x"; }},
      {"ContainerMetricsConfig",
       [](auto&, auto& c, auto&) { c.container_metrics_config.emplace(); }},
      {"ModelCacheSetting",
       [](auto&, auto& c, auto&) {
         c.multi_model_config.emplace().model_cache_setting = "Disabled";
       }},
      {"ModelAccessConfig", [](auto&, auto&, auto& s) { s.model_access_config.emplace(); }},
      {"HubAccessConfig", [](auto&, auto&, auto& s) { s.hub_access_config.emplace(); }},
      {"ManifestS3Uri", [](auto&, auto&, auto& s) { s.manifest_s3_uri = "s3://b/manifest"; }},
      {"ETag", [](auto&, auto&, auto& s) { s.etag = "x"; }},
      {"ManifestEtag", [](auto&, auto&, auto& s) { s.manifest_etag = "x"; }},
  };
  for (const Case& each : cases) {
    Result<void> checked = checked_with(each);
    ASSERT_FALSE(checked) << each.member;
    EXPECT_EQ(checked.error().code, "ValidationException");
    EXPECT_THAT(checked.error().message,
                AllOf(HasSubstr(each.member), HasSubstr("not implemented by Tidemill")));
  }
}

TEST(ModelRules, What_is_harmless_or_off_is_accepted) {
  const Case cases[] = {
      {"EnableNetworkIsolation", [](auto& r, auto&, auto&) { r.enable_network_isolation = false; }},
      {"RepositoryAccessMode",
       [](auto&, auto& c, auto&) { c.image_config.emplace().repository_access_mode = "Vpc"; }},
      {"ModelCacheSetting",
       [](auto&, auto& c, auto&) {
         c.multi_model_config.emplace().model_cache_setting = "Enabled";
       }},
  };
  for (const Case& each : cases) EXPECT_TRUE(checked_with(each)) << each.member;
}

}  // namespace
}  // namespace tidemill::services::sagemaker::hosting
