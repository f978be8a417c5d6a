#include "services/iam/authorization/authorize.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "api/iam/role.h"
#include "api/iam/service.h"
#include "api/logs/service.h"
#include "api/s3/service.h"
#include "api/sagemaker/service.h"
#include "api/sagemaker_runtime/service.h"
#include "api/sts/service.h"
#include "base/json.h"
#include "services/iam/policy_language/wildcard.h"
#include "services/iam/test_support.h"

namespace tidemill::services::iam {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> required(const schema::Service& service, std::string_view operation,
                                  const char* input) {
  const schema::Operation* found = schema::find_operation(service, operation);
  if (!found) return {"no such operation"};
  const Value value = parse_json(input).value();
  // IAM has one role.
  const EntityFinder find_entity = [](EntityKind kind,
                                      std::string_view name) -> Result<std::optional<NamedEntity>> {
    if (kind != EntityKind::role || ascii_lower(name) != "adminrole")
      return std::optional<NamedEntity>();
    return std::optional(NamedEntity{"arn:aws:iam::123456789012:role/ops/AdminRole", ""});
  };
  const auto needed =
      required_actions({service, *found, kAccount, "eu-west-1", value, "Caller"}, find_entity);
  if (!needed) return {needed.error().code};
  std::vector<std::string> out;
  for (const RequiredAction& action : *needed) out.push_back(action.action + " " + action.resource);
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
      IsEmpty());  // S3 asks for each key by itself
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
      ElementsAre("sagemaker:CreateEndpoint arn:aws:sagemaker" + in + "endpoint/e",
                  "sagemaker:CreateEndpoint arn:aws:sagemaker" + in + "endpoint-config/c"));
  EXPECT_THAT(
      required(sagemaker, "DescribeEndpointConfig", R"({"EndpointConfigName":"c"})"),
      ElementsAre("sagemaker:DescribeEndpointConfig arn:aws:sagemaker" + in + "endpoint-config/c"));
  EXPECT_THAT(required(sagemaker, "ListModels", "{}"), ElementsAre("sagemaker:ListModels *"));
  const std::string endpoint = "arn:aws:sagemaker" + in + "endpoint/FraudModel";
  EXPECT_THAT(required(sagemaker, "AddTags", ("{\"ResourceArn\":\"" + endpoint + "\"}").c_str()),
              ElementsAre("sagemaker:AddTags " + endpoint));
  EXPECT_THAT(
      required(api::sagemaker_runtime::service(), "InvokeEndpoint", R"({"EndpointName":"e"})"),
      ElementsAre("sagemaker:InvokeEndpoint arn:aws:sagemaker" + in + "endpoint/e"));
  EXPECT_THAT(required(api::logs::service(), "PutLogEvents",
                       R"({"logGroupName":"/g","logStreamName":"s"})"),
              ElementsAre("logs:PutLogEvents arn:aws:logs" + in + "log-group:/g:log-stream:s"));
  EXPECT_THAT(required(api::logs::service(), "CreateLogGroup", R"({"logGroupName":"/g"})"),
              ElementsAre("logs:CreateLogGroup arn:aws:logs" + in + "log-group:/g:*"));
  EXPECT_THAT(required(api::iam::service(), "AttachRolePolicy",
                       R"({"RoleName":"r","PolicyArn":"arn:aws:iam::aws:policy/p"})"),
              ElementsAre("iam:AttachRolePolicy arn:aws:iam::123456789012:role/r"));
  EXPECT_THAT(
      required(api::iam::service(), "GetPolicy", R"({"PolicyArn":"arn:aws:iam::aws:policy/p"})"),
      ElementsAre("iam:GetPolicy arn:aws:iam::aws:policy/p"));
  EXPECT_THAT(required(api::sts::service(), "GetCallerIdentity", "{}"), IsEmpty());
}

TEST(RequiredActions, name_the_record_and_not_the_callers_spelling) {
  const schema::Service& iam = api::iam::service();
  const std::string admin = "arn:aws:iam::123456789012:role/ops/AdminRole";
  for (const char* name : {"AdminRole", "adminrole", "ADMINROLE"})
    EXPECT_THAT(required(iam, "PutRolePolicy",
                         (R"({"PolicyName":"p","RoleName":")" + std::string(name) + "\"}").c_str()),
                ElementsAre("iam:PutRolePolicy " + admin));
  EXPECT_THAT(required(iam, "SimulatePrincipalPolicy",
                       R"({"PolicySourceArn":"arn:aws:iam::123456789012:role/adminrole"})"),
              ElementsAre("iam:SimulatePrincipalPolicy " + admin));
  EXPECT_THAT(required(iam, "CreateRole", R"({"RoleName":"dev-x","Path":"/admin/"})"),
              ElementsAre("iam:CreateRole arn:aws:iam::123456789012:role/admin/dev-x"));
  EXPECT_THAT(
      required(api::sagemaker::service(), "DeleteEndpoint", R"({"EndpointName":"FraudModel"})"),
      ElementsAre("sagemaker:DeleteEndpoint arn:aws:sagemaker:eu-west-1:123456789012:"
                  "endpoint/FraudModel"));
  // Decoded as services/s3 decodes it: the last mark begins the version.
  EXPECT_THAT(required(api::s3::service(), "CopyObject",
                       R"({"Bucket":"b","Key":"k","CopySource":"c/a?versionId=x?versionId=null"})"),
              ElementsAre("s3:PutObject arn:aws:s3:::b/k",
                          "s3:GetObjectVersion arn:aws:s3:::c/a?versionId=x"));
}

TEST(RequiredActions, refuse_what_is_not_of_this_place) {
  const schema::Service& sagemaker = api::sagemaker::service();
  const schema::Service& logs = api::logs::service();
  const schema::Service& iam = api::iam::service();
  for (const char* arn :
       {"arn:aws-cn:sagemaker:eu-west-1:123456789012:endpoint/e", "arn:xx:sagemaker:::endpoint/e",
        "arn:aws:sagemaker:us-east-1:123456789012:endpoint/e",
        "arn:aws:sagemaker:eu-west-1:999900001111:endpoint/e"})
    for (const char* operation : {"AddTags", "ListTags", "DeleteTags"})
      EXPECT_THAT(required(sagemaker, operation,
                           (R"({"ResourceArn":")" + std::string(arn) + "\"}").c_str()),
                  ElementsAre("ValidationException"));
  EXPECT_THAT(
      required(logs, "GetLogEvents",
               R"({"logGroupIdentifier":"arn:aws-cn:logs:eu-west-1:123456789012:log-group:g",
                           "logStreamName":"s"})"),
      ElementsAre("InvalidParameterException"));
  EXPECT_THAT(
      required(logs, "FilterLogEvents",
               R"({"logGroupIdentifier":"arn:aws:logs:eu-west-1:999900001111:log-group:g"})"),
      ElementsAre("ResourceNotFoundException"));
  EXPECT_THAT(required(logs, "GetLogEvents",
                       R"({"logGroupIdentifier":"arn:aws:logs:eu-west-1:123456789012:log-group:g",
                           "logStreamName":"s"})"),
              ElementsAre("logs:GetLogEvents arn:aws:logs:eu-west-1:123456789012:log-group:g:"
                          "log-stream:s"));
  for (const char* arn : {"arn:aws-cn:iam::aws:policy/p", "arn:aws:iam::999900001111:policy/p",
                          "arn:aws:iam:us-east-1:123456789012:policy/p"})
    EXPECT_THAT(required(iam, "AttachRolePolicy",
                         (R"({"RoleName":"r","PolicyArn":")" + std::string(arn) + "\"}").c_str()),
                ElementsAre("InvalidInput"));
}

// The reference of AWS has no action for these; nor are they implemented.
constexpr std::string_view kWithoutRule[] = {"AcquireRole",
                                             "CreateBucketMetadataConfiguration",
                                             "CreateSession",
                                             "GetLogObject",
                                             "DeleteBucketMetadataConfiguration",
                                             "GetBucketMetadataConfiguration",
                                             "ListDirectoryBuckets",
                                             "RenameObject",
                                             "UpdateDelegationRequest",
                                             "WriteGetObjectResponse"};

TEST(RequiredActions, every_operation_has_a_rule) {
  for (const schema::Service* service :
       {&api::sagemaker::service(), &api::sagemaker_runtime::service(), &api::iam::service(),
        &api::logs::service(), &api::sts::service(), &api::s3::service()})
    for (const schema::Operation& operation : service->operations)
      EXPECT_NE(has_rule(*service, operation),
                std::ranges::find(kWithoutRule, operation.name) != std::end(kWithoutRule))
          << service->name << " " << operation.name;
  // Operations on a record are authorized on it and not on "*".
  EXPECT_THAT(
      required(
          api::sagemaker::service(), "UpdateModelPackage",
          R"({"ModelPackageArn":"arn:aws:sagemaker:eu-west-1:123456789012:model-package/g/1"})"),
      ElementsAre("sagemaker:UpdateModelPackage "
                  "arn:aws:sagemaker:eu-west-1:123456789012:model-package/g/1"));
  EXPECT_THAT(required(api::sagemaker::service(), "StopPipelineExecution",
                       R"({"PipelineExecutionArn":
                       "arn:aws:sagemaker:eu-west-1:123456789012:pipeline/p/execution/e"})"),
              ElementsAre("sagemaker:StopPipelineExecution "
                          "arn:aws:sagemaker:eu-west-1:123456789012:pipeline/p/execution/e"));
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
  auto answer = [&](const Context& caller, const schema::Service& service,
                    std::string_view operation, const char* input) -> std::string {
    Context context;
    context.principal = caller.principal;
    context.region = "us-east-1";
    context.received = clock_.now();
    auto result = service_->authorize_operation(
        context, service, *schema::find_operation(service, operation), parse_json(input).value());
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
