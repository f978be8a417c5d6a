#include "services/iam/managed_policies.h"

namespace tidemill::services::iam {
namespace {

// What AWS's policies of these names grant, as far as it concerns services that Tidemill has or
// will have. Effects are AWS's; statements are put together where they say the same.
constexpr ManagedPolicy kPolicies[] = {
    {"/", "AdministratorAccess", "Provides full access to AWS services and resources.",
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]})"},
    {"/", "PowerUserAccess", "Full access but for the management of users and groups.",
     R"({"Version":"2012-10-17","Statement":[
  {"Effect":"Allow","NotAction":["iam:*","organizations:*","account:*"],"Resource":"*"},
  {"Effect":"Allow","Action":["iam:CreateServiceLinkedRole","iam:DeleteServiceLinkedRole",
    "iam:ListRoles"],"Resource":"*"}]})"},
    {"/", "AmazonS3FullAccess", "Provides full access to all buckets.",
     R"({"Version":"2012-10-17","Statement":[
  {"Effect":"Allow","Action":["s3:*","s3-object-lambda:*"],"Resource":"*"}]})"},
    {"/", "AmazonS3ReadOnlyAccess", "Provides read only access to all buckets.",
     R"({"Version":"2012-10-17","Statement":[
  {"Effect":"Allow","Action":["s3:Get*","s3:List*","s3:Describe*","s3-object-lambda:Get*",
    "s3-object-lambda:List*"],"Resource":"*"}]})"},
    {"/", "CloudWatchLogsFullAccess", "Provides full access to CloudWatch Logs.",
     R"({"Version":"2012-10-17","Statement":[
  {"Effect":"Allow","Action":["logs:*","cloudwatch:GenerateQuery"],"Resource":"*"}]})"},
    {"/", "IAMFullAccess", "Provides full access to IAM.",
     R"({"Version":"2012-10-17","Statement":[
  {"Effect":"Allow","Action":["iam:*"],"Resource":"*"}]})"},
    {"/", "AmazonSageMakerReadOnly", "Provides read only access to Amazon SageMaker.",
     R"({"Version":"2012-10-17","Statement":[
  {"Effect":"Allow","Action":["sagemaker:Describe*","sagemaker:List*","sagemaker:BatchGetMetrics",
    "sagemaker:GetDeviceRegistration","sagemaker:GetDeviceFleetReport",
    "sagemaker:GetSearchSuggestions","sagemaker:BatchGetRecord","sagemaker:GetRecord",
    "sagemaker:Search","sagemaker:QueryLineage","sagemaker:GetModelPackageGroupPolicy",
    "cloudwatch:DescribeAlarms","ecr:Describe*"],"Resource":"*"}]})"},
    {"/", "AmazonSageMakerFullAccess", "Provides full access to Amazon SageMaker.",
     R"({"Version":"2012-10-17","Statement":[
  {"Sid":"AllServices","Effect":"Allow","Action":["sagemaker:*","sagemaker-geospatial:*"],
   "Resource":"*"},
  {"Sid":"OtherServices","Effect":"Allow","Action":["application-autoscaling:DeleteScalingPolicy",
    "application-autoscaling:DeleteScheduledAction","application-autoscaling:DeregisterScalableTarget",
    "application-autoscaling:DescribeScalableTargets",
    "application-autoscaling:DescribeScalingActivities",
    "application-autoscaling:DescribeScalingPolicies",
    "application-autoscaling:DescribeScheduledActions","application-autoscaling:PutScalingPolicy",
    "application-autoscaling:PutScheduledAction","application-autoscaling:RegisterScalableTarget",
    "cloudwatch:DeleteAlarms","cloudwatch:DescribeAlarms","cloudwatch:GetMetricData",
    "cloudwatch:GetMetricStatistics","cloudwatch:ListMetrics","cloudwatch:PutMetricAlarm",
    "cloudwatch:PutMetricData","ec2:CreateNetworkInterface","ec2:CreateVpcEndpoint",
    "ec2:DeleteNetworkInterface","ec2:Describe*","ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage","ecr:CreateRepository","ecr:Describe*","ecr:GetAuthorizationToken",
    "ecr:GetDownloadUrlForLayer","ecr:StartImageScan","glue:CreateJob","glue:DeleteJob",
    "glue:GetJob*","glue:GetTable*","glue:GetWorkflowRun","glue:ResetJobBookmark",
    "glue:StartJobRun","glue:StartWorkflowRun","glue:UpdateJob","iam:ListRoles","kms:DescribeKey",
    "kms:ListAliases","lambda:ListFunctions","logs:CreateLogDelivery","logs:CreateLogGroup",
    "logs:CreateLogStream","logs:DeleteLogDelivery","logs:Describe*","logs:GetLogDelivery",
    "logs:GetLogEvents","logs:ListLogDeliveries","logs:PutLogEvents","logs:PutResourcePolicy",
    "logs:UpdateLogDelivery","secretsmanager:ListSecrets","sns:ListTopics","tag:GetResources"],
   "Resource":"*"},
  {"Sid":"Repositories","Effect":"Allow","Action":["ecr:SetRepositoryPolicy","ecr:CompleteLayerUpload",
    "ecr:BatchDeleteImage","ecr:UploadLayerPart","ecr:DeleteRepositoryPolicy",
    "ecr:InitiateLayerUpload","ecr:DeleteRepository","ecr:PutImage"],
   "Resource":"arn:aws:ecr:*:*:repository/*sagemaker*"},
  {"Sid":"NamedObjects","Effect":"Allow","Action":["s3:GetObject","s3:PutObject","s3:DeleteObject",
    "s3:AbortMultipartUpload"],"Resource":["arn:aws:s3:::*SageMaker*","arn:aws:s3:::*Sagemaker*",
    "arn:aws:s3:::*sagemaker*","arn:aws:s3:::*aws-glue*"]},
  {"Sid":"TaggedObjects","Effect":"Allow","Action":["s3:GetObject"],"Resource":"arn:aws:s3:::*",
   "Condition":{"StringEqualsIgnoreCase":{"s3:ExistingObjectTag/SageMaker":"true"}}},
  {"Sid":"Buckets","Effect":"Allow","Action":["s3:CreateBucket","s3:GetBucketLocation","s3:ListBucket",
    "s3:ListAllMyBuckets","s3:GetBucketCors","s3:PutBucketCors"],"Resource":"*"},
  {"Sid":"BucketAcls","Effect":"Allow","Action":["s3:GetBucketAcl","s3:PutObjectAcl"],
   "Resource":["arn:aws:s3:::*SageMaker*","arn:aws:s3:::*Sagemaker*","arn:aws:s3:::*sagemaker*"]},
  {"Sid":"Functions","Effect":"Allow","Action":["lambda:InvokeFunction"],
   "Resource":["arn:aws:lambda:*:*:function:*SageMaker*","arn:aws:lambda:*:*:function:*sagemaker*",
    "arn:aws:lambda:*:*:function:*Sagemaker*"]},
  {"Sid":"Topics","Effect":"Allow","Action":["sns:Subscribe","sns:CreateTopic","sns:Publish"],
   "Resource":["arn:aws:sns:*:*:*SageMaker*","arn:aws:sns:*:*:*Sagemaker*",
    "arn:aws:sns:*:*:*sagemaker*"]},
  {"Sid":"Secrets","Effect":"Allow","Action":["secretsmanager:DescribeSecret",
    "secretsmanager:GetSecretValue","secretsmanager:CreateSecret"],
   "Resource":["arn:aws:secretsmanager:*:*:secret:AmazonSageMaker-*"]},
  {"Sid":"PassToServices","Effect":"Allow","Action":["iam:PassRole"],"Resource":"arn:aws:iam::*:role/*",
   "Condition":{"StringEquals":{"iam:PassedToService":["glue.amazonaws.com",
    "robomaker.amazonaws.com","states.amazonaws.com","sagemaker.amazonaws.com"]}}}]})"},
    {"/service-role/", "AWSLambdaBasicExecutionRole",
     "Provides write permissions to CloudWatch Logs.",
     R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["logs:CreateLogGroup",
  "logs:CreateLogStream","logs:PutLogEvents"],"Resource":"*"}]})"},
};

}  // namespace

std::span<const ManagedPolicy> managed_policies() { return kPolicies; }

const ManagedPolicy* find_managed_policy(std::string_view arn) {
  constexpr std::string_view kPrefix = "arn:aws:iam::aws:policy";
  if (!arn.starts_with(kPrefix)) return nullptr;
  arn.remove_prefix(kPrefix.size());
  for (const ManagedPolicy& policy : kPolicies)
    if (arn.starts_with(policy.path) && arn.substr(policy.path.size()) == policy.name)
      return &policy;
  return nullptr;
}

}  // namespace tidemill::services::iam
