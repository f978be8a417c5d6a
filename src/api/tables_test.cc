#include <gtest/gtest.h>

#include <set>

#include "api/all_services.h"
#include "api/cloudwatch/service.h"
#include "api/logs/group.h"
#include "api/s3/bucket.h"
#include "api/s3/object.h"
#include "api/s3/service.h"
#include "api/sagemaker/errors.h"
#include "api/sagemaker/service.h"
#include "api/sagemaker/training_job.h"
#include "api/sagemaker_runtime/invocation.h"
#include "api/sqs/service.h"
#include "api/sts/identity.h"
#include "api/sts/service.h"

namespace tidemill::api {
namespace {

using schema::Location;
using schema::Member;
using schema::Operation;
using schema::Protocol;
using schema::Service;
using schema::Shape;
using schema::ShapeType;

const Operation& operation(const Service& service, std::string_view name) {
  const Operation* found = schema::find_operation(service, name);
  if (!found) throw std::runtime_error("no operation " + std::string(name));
  return *found;
}

const Member& member(const Shape* shape, std::string_view name) {
  const Member* found = schema::find_member(*shape, name);
  if (!found) throw std::runtime_error("no member " + std::string(name));
  return *found;
}

void visit(const Shape* shape, std::set<const Shape*>& seen) {
  ASSERT_NE(shape, nullptr);
  if (!seen.insert(shape).second) return;
  for (const Member& each : shape->members) visit(each.shape, seen);
  EXPECT_EQ(shape->element != nullptr,
            shape->type == ShapeType::list || shape->type == ShapeType::map)
      << shape->name;
  EXPECT_EQ(shape->key != nullptr, shape->type == ShapeType::map) << shape->name;
  if (shape->element) visit(shape->element->shape, seen);
  if (shape->key) visit(shape->key->shape, seen);
  if (shape->payload) {
    EXPECT_GE(shape->payload, shape->members.data()) << shape->name;
    EXPECT_LT(shape->payload, shape->members.data() + shape->members.size()) << shape->name;
  }
}

TEST(Tables, every_service_is_whole_and_ordered) {
  ASSERT_FALSE(all_services().empty());
  for (const Service* service : all_services()) {
    EXPECT_FALSE(service->protocols.empty());
    EXPECT_FALSE(service->signing_name.empty());
    std::set<const Shape*> seen;
    std::string_view last;
    for (const Operation& each : service->operations) {
      EXPECT_LT(last, each.name);
      last = each.name;
      if (each.input) visit(each.input, seen);
      if (each.output) visit(each.output, seen);
      for (const Shape* error : each.errors) {
        visit(error, seen);
        EXPECT_TRUE(error->exception) << error->name;
      }
    }
    EXPECT_GT(seen.size(), 20u) << service->name;
  }
}

TEST(Tables, services_know_their_protocols_and_names) {
  const Service& sagemaker = sagemaker::service();
  EXPECT_EQ(sagemaker.protocols.front(), Protocol::aws_json_1_1);
  EXPECT_EQ(sagemaker.target_prefix, "SageMaker");
  EXPECT_EQ(sagemaker.signing_name, "sagemaker");
  EXPECT_EQ(sagemaker_runtime::operations::InvokeEndpoint::service().signing_name, "sagemaker");
  EXPECT_EQ(sts::service().protocols.front(), Protocol::aws_query);
  EXPECT_EQ(sts::service().xml_namespace, "https://sts.amazonaws.com/doc/2011-06-15/");
  EXPECT_EQ(s3::service().protocols.front(), Protocol::rest_xml);
  EXPECT_EQ(sqs::service().protocols.front(), Protocol::aws_json_1_0);
  EXPECT_TRUE(sqs::service().query_compatible);
  const Service& cloudwatch = cloudwatch::service();
  ASSERT_EQ(cloudwatch.protocols.size(), 3u);
  EXPECT_EQ(cloudwatch.protocols[0], Protocol::rpc_v2_cbor);
  EXPECT_EQ(cloudwatch.protocols[1], Protocol::aws_json_1_0);
  EXPECT_EQ(cloudwatch.protocols[2], Protocol::aws_query);
}

TEST(Tables, http_bindings_of_s3_are_there) {
  const Operation& put = s3::operations::PutObject::operation();
  EXPECT_EQ(put.http_method, "PUT");
  EXPECT_EQ(put.http_uri, "/{Bucket}/{Key+}");
  EXPECT_EQ(put.checksum_request_member, "ChecksumAlgorithm");
  ASSERT_TRUE(put.input->payload);
  EXPECT_EQ(put.input->payload->name, "Body");
  EXPECT_TRUE(put.input->payload->streaming);
  EXPECT_EQ(member(put.input, "Bucket").location, Location::uri);
  EXPECT_EQ(member(put.input, "Metadata").location, Location::headers);
  EXPECT_EQ(member(put.input, "Metadata").wire_name, "x-amz-meta-");
  EXPECT_EQ(member(put.input, "CacheControl").location, Location::header);
  EXPECT_EQ(member(put.input, "CacheControl").wire_name, "Cache-Control");
  const Operation& list = operation(s3::service(), "ListObjectsV2");
  EXPECT_EQ(member(list.input, "MaxKeys").location, Location::query_string);
  EXPECT_EQ(member(list.input, "MaxKeys").wire_name, "max-keys");
  EXPECT_TRUE(member(list.output, "Contents").flattened);
  ASSERT_TRUE(list.pagination);
  EXPECT_EQ(list.pagination->output_token, "NextContinuationToken");
  EXPECT_TRUE(operation(s3::service(), "DeleteObjects").http_checksum_required);
  EXPECT_TRUE(operation(s3::service(), "SelectObjectContent").event_stream_output);
}

TEST(Tables, patches_are_in_the_tables) {
  EXPECT_EQ(s3::service().xml_namespace, "http://s3.amazonaws.com/doc/2006-03-01/");
  EXPECT_EQ(operation(s3::service(), "ListObjectsV2").output_wrapper, "ListBucketResult");
  const Operation& location = s3::operations::GetBucketLocation::operation();
  EXPECT_EQ(location.output_wrapper, "LocationConstraint");
  EXPECT_TRUE(location.output_unwrapped);
  EXPECT_TRUE(member(location.output, "LocationConstraint").shape->enumeration.empty());
  for (const Shape* error : operation(sqs::service(), "SendMessage").errors)
    if (error->name == "QueueDoesNotExist")
      EXPECT_EQ(error->query_error_code, "AWS.SimpleQueueService.NonExistentQueue");
}

TEST(Tables, constraints_and_errors_are_there) {
  const Operation& create = sagemaker::operations::CreateTrainingJob::operation();
  const Member& name = member(create.input, "TrainingJobName");
  EXPECT_TRUE(name.required);
  EXPECT_EQ(name.shape->maximum, 63);
  EXPECT_FALSE(name.shape->pattern.empty());
  const Shape* mode =
      member(member(create.input, "AlgorithmSpecification").shape, "TrainingInputMode").shape;
  EXPECT_EQ(mode->enumeration.size(), 3u);
  ASSERT_FALSE(create.errors.empty());
  EXPECT_STREQ(sagemaker::errors::kResourceNotFound, "ResourceNotFound");
  EXPECT_EQ(sagemaker::training_job_status::kInProgress, "InProgress");

  const Operation& invoke = sagemaker_runtime::operations::InvokeEndpoint::operation();
  bool found = false;
  for (const Shape* error : invoke.errors)
    if (error->name == "ModelError") {
      found = true;
      EXPECT_EQ(error->error_http_status, 424);
    }
  EXPECT_TRUE(found);
}

TEST(Tables, operation_tags_name_their_structs) {
  using Create = s3::operations::CreateBucket;
  static_assert(std::is_same_v<Create::Input, s3::CreateBucketRequest>);
  static_assert(std::is_same_v<Create::Output, s3::CreateBucketOutput>);
  EXPECT_EQ(&Create::service(), &s3::service());
  EXPECT_EQ(Create::operation().name, "CreateBucket");
  EXPECT_EQ(s3::operations::DeleteBucket::operation().http_status, 204);
  static_assert(std::is_same_v<s3::operations::DeleteBucket::Output, Empty>);
  EXPECT_EQ(sts::operations::GetCallerIdentity::operation().output_wrapper,
            "GetCallerIdentityResult");
}

}  // namespace
}  // namespace tidemill::api
