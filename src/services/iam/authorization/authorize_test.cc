#include "services/iam/authorization/authorize.h"

#include <gmock/gmock.h>

#include "api/iam/role.h"
#include "api/iam/service.h"
#include "api/logs/service.h"
#include "api/s3/service.h"
#include "api/sagemaker/service.h"
#include "api/sagemaker_runtime/service.h"
#include "api/sts/service.h"
#include "base/json.h"
#include "services/iam/test_support.h"

namespace tidemill::services::iam {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> required(const schema::Service& service, std::string_view operation,
                                  const char* input) {
  const schema::Operation* found = schema::find_operation(service, operation);
  if (!found) return {"no such operation"};
  std::vector<std::string> out;
  for (const RequiredAction& action :
       required_actions(service, *found, kAccount, "eu-west-1", parse_json(input).value()))
    out.push_back(action.action + " " + action.resource);
  return out;
}

TEST(RequiredActions, s3) {
  const schema::Service& s3 = api::s3::service();
  EXPECT_THAT(required(s3, "ListBuckets", "{}"), ElementsAre("s3:ListAllMyBuckets *"));
  EXPECT_THAT(required(s3, "ListObjectsV2", R"({"Bucket":"b"})"),
              ElementsAre("s3:ListBucket arn:aws:s3:::b"));
  EXPECT_THAT(required(s3, "HeadObject", R"({"Bucket":"b","Key":"a/k"})"),
              ElementsAre("s3:GetObject arn:aws:s3:::b/a/k"));
  EXPECT_THAT(required(s3, "GetObject", R"({"Bucket":"b","Key":"k","VersionId":"1"})"),
              ElementsAre("s3:GetObjectVersion arn:aws:s3:::b/k"));
  EXPECT_THAT(
      required(s3, "UploadPartCopy",
               R"({"Bucket":"b","Key":"k","CopySource":"/c/x%20y?versionId=2"})"),
      ElementsAre("s3:PutObject arn:aws:s3:::b/k", "s3:GetObjectVersion arn:aws:s3:::c/x y"));
  EXPECT_THAT(
      required(s3, "DeleteObjects",
               R"({"Bucket":"b","Delete":{"Objects":[{"Key":"x"},{"Key":"y","VersionId":"1"}]}})"),
      ElementsAre("s3:DeleteObject arn:aws:s3:::b/x", "s3:DeleteObjectVersion arn:aws:s3:::b/y"));
  EXPECT_THAT(required(s3, "PutObject", R"({"Bucket":"b","Key":"k","Tagging":"a=b"})"),
              ElementsAre("s3:PutObject arn:aws:s3:::b/k", "s3:PutObjectTagging arn:aws:s3:::b/k"));
  EXPECT_THAT(required(s3, "PutBucketVersioning", R"({"Bucket":"b"})"),
              ElementsAre("s3:PutBucketVersioning arn:aws:s3:::b"));
}

TEST(RequiredActions, other_services) {
  const std::string in = ":eu-west-1:123456789012:";
  const schema::Service& sagemaker = api::sagemaker::service();
  EXPECT_THAT(
      required(sagemaker, "CreateTrainingJob", R"({"TrainingJobName":"Job-1"})"),
      ElementsAre("sagemaker:CreateTrainingJob arn:aws:sagemaker" + in + "training-job/job-1"));
  EXPECT_THAT(
      required(sagemaker, "CreateEndpoint", R"({"EndpointName":"e","EndpointConfigName":"c"})"),
      ElementsAre("sagemaker:CreateEndpoint arn:aws:sagemaker" + in + "endpoint/e"));
  EXPECT_THAT(
      required(sagemaker, "DescribeEndpointConfig", R"({"EndpointConfigName":"c"})"),
      ElementsAre("sagemaker:DescribeEndpointConfig arn:aws:sagemaker" + in + "endpoint-config/c"));
  EXPECT_THAT(required(sagemaker, "ListModels", "{}"), ElementsAre("sagemaker:ListModels *"));
  EXPECT_THAT(required(sagemaker, "AddTags", R"({"ResourceArn":"arn:x"})"),
              ElementsAre("sagemaker:AddTags arn:x"));
  EXPECT_THAT(
      required(api::sagemaker_runtime::service(), "InvokeEndpoint", R"({"EndpointName":"e"})"),
      ElementsAre("sagemaker:InvokeEndpoint arn:aws:sagemaker" + in + "endpoint/e"));
  EXPECT_THAT(required(api::logs::service(), "PutLogEvents",
                       R"({"logGroupName":"/g","logStreamName":"s"})"),
              ElementsAre("logs:PutLogEvents arn:aws:logs" + in + "log-group:/g:log-stream:s"));
  EXPECT_THAT(required(api::logs::service(), "CreateLogGroup", R"({"logGroupName":"/g"})"),
              ElementsAre("logs:CreateLogGroup arn:aws:logs" + in + "log-group:/g:*"));
  EXPECT_THAT(
      required(api::iam::service(), "AttachRolePolicy", R"({"RoleName":"r","PolicyArn":"arn:p"})"),
      ElementsAre("iam:AttachRolePolicy arn:aws:iam::123456789012:role/r"));
  EXPECT_THAT(required(api::iam::service(), "GetPolicy", R"({"PolicyArn":"arn:p"})"),
              ElementsAre("iam:GetPolicy arn:p"));
  EXPECT_THAT(required(api::sts::service(), "GetCallerIdentity", "{}"), IsEmpty());
}

class AuthorizeTest : public IamTest {};

TEST_F(AuthorizeTest, decides_by_the_roles_policies_in_the_services_words) {
  namespace ops = api::iam::operations;
  ops::CreateRole::Input role;
  role.role_name = "r";
  role.assume_role_policy_document = kTrustSageMaker;
  ASSERT_EQ(code<ops::CreateRole>(role), "ok");
  ASSERT_EQ(code<ops::PutRolePolicy>({"r", "p", R"({"Statement":[{"Effect":"Allow",
    "Action":"s3:ListBucket","Resource":"arn:aws:s3:::b",
    "Condition":{"StringLike":{"s3:prefix":"mine/*"}}}]})"}),
            "ok");
  const Context job = role_context(
      service_
          ->issue_role_credentials("arn:aws:iam::123456789012:role/r", "j", std::chrono::hours(1))
          .value());
  auto answer = [&](const Context& context, const schema::Service& service,
                    std::string_view operation, const char* input) -> std::string {
    auto result = authorize_operation(*service_, context.principal, service,
                                      *schema::find_operation(service, operation), "us-east-1",
                                      parse_json(input).value());
    return result ? "ok" : result.error().code;
  };
  const schema::Service& s3 = api::s3::service();
  EXPECT_EQ(answer(job, s3, "ListObjectsV2", R"({"Bucket":"b","Prefix":"mine/x"})"), "ok");
  EXPECT_EQ(answer(job, s3, "ListObjectsV2", R"({"Bucket":"b","Prefix":"x"})"), "AccessDenied");
  EXPECT_EQ(answer(job, s3, "ListObjectsV2", R"({"Bucket":"b"})"), "AccessDenied");
  EXPECT_EQ(answer(job, api::iam::service(), "GetRole", R"({"RoleName":"r"})"), "AccessDenied");
  EXPECT_EQ(answer(job, api::sagemaker::service(), "ListModels", "{}"), "AccessDeniedException");
  EXPECT_EQ(answer(job, api::sts::service(), "GetCallerIdentity", "{}"), "ok");
  EXPECT_EQ(answer(root_context(), s3, "ListBuckets", "{}"), "ok");
}

}  // namespace
}  // namespace tidemill::services::iam
