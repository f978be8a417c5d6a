#include "services/iam/role/service_linked.h"

#include <algorithm>

#include "api/iam/service_linked_role.h"
#include "services/iam/managed_policies.h"
#include "services/iam/role/handlers.h"

namespace tidemill::services::iam {
namespace {

namespace ops = api::iam::operations;

// The roles that AWS's services ask for:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_aws-services-that-work-with-iam.html
struct LinkedService {
  std::string_view principal;
  std::string_view role;
  std::string_view policy;  // below "/aws-service-role/"
  bool takes_suffix = false;
};
constexpr LinkedService kServices[] = {
    {"access-analyzer.amazonaws.com", "AWSServiceRoleForAccessAnalyzer",
     "AccessAnalyzerServiceRolePolicy"},
    {"autoscaling.amazonaws.com", "AWSServiceRoleForAutoScaling", "AutoScalingServiceRolePolicy",
     true},
    {"batch.amazonaws.com", "AWSServiceRoleForBatch", "BatchServiceRolePolicy"},
    {"cloudtrail.amazonaws.com", "AWSServiceRoleForCloudTrail", "CloudTrailServiceRolePolicy"},
    {"dynamodb.application-autoscaling.amazonaws.com",
     "AWSServiceRoleForApplicationAutoScaling_DynamoDBTable",
     "AWSApplicationAutoscalingDynamoDBTablePolicy"},
    {"ecs.amazonaws.com", "AWSServiceRoleForECS", "AmazonECSServiceRolePolicy"},
    {"ecs.application-autoscaling.amazonaws.com",
     "AWSServiceRoleForApplicationAutoScaling_ECSService",
     "AWSApplicationAutoscalingECSServicePolicy"},
    {"eks.amazonaws.com", "AWSServiceRoleForAmazonEKS", "AmazonEKSServiceRolePolicy"},
    {"elasticloadbalancing.amazonaws.com", "AWSServiceRoleForElasticLoadBalancing",
     "AWSElasticLoadBalancingServiceRolePolicy"},
    {"events.amazonaws.com", "AWSServiceRoleForCloudWatchEvents",
     "CloudWatchEventsServiceRolePolicy"},
    {"lambda.application-autoscaling.amazonaws.com",
     "AWSServiceRoleForApplicationAutoScaling_LambdaConcurrency",
     "AWSApplicationAutoscalingLambdaConcurrencyPolicy"},
    {"ops.apigateway.amazonaws.com", "AWSServiceRoleForAPIGateway", "APIGatewayServiceRolePolicy"},
    {"rds.amazonaws.com", "AWSServiceRoleForRDS", "AmazonRDSServiceRolePolicy"},
    {"replicator.lambda.amazonaws.com", "AWSServiceRoleForLambdaReplicator", "AWSLambdaReplicator"},
    {"sagemaker.amazonaws.com", "AWSServiceRoleForAmazonSageMakerNotebooks",
     "AmazonSageMakerNotebooksServiceRolePolicy"},
    {"sagemaker.application-autoscaling.amazonaws.com",
     "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint",
     "AWSApplicationAutoscalingSageMakerEndpointPolicy"},
    {"spot.amazonaws.com", "AWSServiceRoleForEC2Spot", "AWSEC2SpotServiceRolePolicy"},
};

std::unexpected<Error> invalid_input(std::string message) {
  return fail("InvalidInput", std::move(message), 400);
}

Result<ops::CreateServiceLinkedRole::Output> create_linked(
    State& state, const Context& context, const ops::CreateServiceLinkedRole::Input& request) {
  const std::string& principal = request.aws_service_name;
  const auto* service = std::ranges::find(kServices, principal, &LinkedService::principal);
  if (service == std::end(kServices))
    return invalid_input("Tidemill knows no service-linked role of the service " + principal +
                         "; docs/services/iam.md lists those that it knows.");
  if (request.custom_suffix && !service->takes_suffix)
    return invalid_input("Custom suffix is not allowed for " + principal);
  RoleRecord role;
  role.account = context.account();
  role.path = std::string(kServiceLinkedPath) + principal + "/";
  role.name = service_linked_role_name(principal, request.custom_suffix.value_or(""));
  role.id = state.make_id("AROA");
  role.created = state.now_seconds();
  role.created_exactly = state.now();
  role.description = request.description;
  role.assume_role_policy =
      R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":")" +
      principal + R"("},"Action":"sts:AssumeRole"}]})";
  const std::string policy =
      "arn:aws:iam::aws:policy" + std::string(kServiceLinkedPath) + std::string(service->policy);
  if (find_managed_policy(policy)) role.attached_policies.push_back(policy);
  const Result<void> created = state.create(role);
  if (!created && created.error().code == "EntityAlreadyExists")
    return invalid_input("Service role name " + role.name +
                         " has been taken in this account, please try a different suffix.");
  TRY(created);
  ops::CreateServiceLinkedRole::Output out;
  out.role = api_role(role);
  out.role->max_session_duration.reset();
  return out;
}

constexpr std::string_view kTaskStart = "task";

Result<ops::DeleteServiceLinkedRole::Output> delete_linked(
    State& state, const Context& context, const ops::DeleteServiceLinkedRole::Input& request) {
  const RoleRecord role = TRY(state.get<RoleRecord>(context.account(), request.role_name));
  if (!is_service_linked(role))
    return invalid_input("The role " + role.name + " is not a service-linked role.");
  TRY(state.remove<RoleRecord>(
      context.account(), role.name,
      [](const RoleRecord&, store::Transaction&) -> Result<void> { return {}; }));
  ops::DeleteServiceLinkedRole::Output out;
  // "task/aws-service-role/<service>/<role>/<id>". It is done at once.
  out.deletion_task_id = std::string(kTaskStart) + role.path + role.name + "/" + state.make_id("");
  return out;
}

Result<ops::GetServiceLinkedRoleDeletionStatus::Output> deletion_status(
    State&, const Context&, const ops::GetServiceLinkedRoleDeletionStatus::Input& request) {
  const std::string& id = request.deletion_task_id;
  const std::string start = std::string(kTaskStart) + std::string(kServiceLinkedPath);
  const std::size_t end = id.rfind('/');
  const std::size_t name = end == id.npos || end == 0 ? id.npos : id.rfind('/', end - 1);
  if (!id.starts_with(start) || name == id.npos || name + 1 < start.size())
    return invalid_input("The deletion task " + id + " is not valid.");
  ops::GetServiceLinkedRoleDeletionStatus::Output out;
  // DeleteServiceLinkedRole has deleted the role by the time that it names the task.
  out.status = api::iam::deletion_task_status_type::kSucceeded;
  return out;
}

}  // namespace

std::string service_linked_role_name(std::string_view service_principal, std::string_view suffix) {
  const auto* service = std::ranges::find(kServices, service_principal, &LinkedService::principal);
  if (service == std::end(kServices)) return {};
  return std::string(service->role) + (suffix.empty() ? "" : "_" + std::string(suffix));
}

void add_service_linked_role_handlers(Registry& registry, State& state) {
  auto bind = [&state](auto handler) {
    return [&state, handler](Context& context, const auto& request) {
      return handler(state, context, request);
    };
  };
  registry.add<ops::CreateServiceLinkedRole>(bind(create_linked));
  registry.add<ops::DeleteServiceLinkedRole>(bind(delete_linked));
  registry.add<ops::GetServiceLinkedRoleDeletionStatus>(bind(deletion_status));
}

}  // namespace tidemill::services::iam
