#include "services/iam/execution_role.h"

#include "base/json.h"

namespace tidemill::services::iam {
namespace {

constexpr std::string_view kTrustPolicy =
    R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":)"
    R"({"Service":"sagemaker.amazonaws.com"},"Action":"sts:AssumeRole"}]})";
constexpr std::string_view kPolicyName = "SageMakerExecution";
constexpr std::string_view kMarker = "execution-role";

Value strings(std::initializer_list<std::string_view> items) {
  ValueList list;
  for (std::string_view item : items) list.emplace_back(std::string(item));
  return list;
}

Value statement(std::string_view name, std::initializer_list<std::string_view> actions,
                Value resource) {
  ValueObject object;
  object.append("Sid", std::string(name));
  object.append("Effect", "Allow");
  object.append("Action", strings(actions));
  object.append("Resource", std::move(resource));
  return object;
}

}  // namespace

std::string execution_role_policy(std::string_view account) {
  const std::string number(account);
  const std::string roles = "arn:aws:iam::" + number + ":role";
  ValueList statements;
  statements.emplace_back(statement("SageMaker", {"sagemaker:*"}, "*"));
  statements.emplace_back(statement("Data", {"s3:*"}, "*"));
  statements.emplace_back(
      statement("Logs",
                {"logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents",
                 "logs:DescribeLogStreams", "logs:GetLogEvents", "logs:FilterLogEvents"},
                "arn:aws:logs:*:" + number + ":log-group:/aws/sagemaker/*"));
  statements.emplace_back(statement("LogGroups", {"logs:DescribeLogGroups"}, "*"));
  statements.emplace_back(statement(
      "Metrics",
      {"cloudwatch:PutMetricData", "cloudwatch:GetMetricData", "cloudwatch:GetMetricStatistics",
       "cloudwatch:ListMetrics", "cloudwatch:PutMetricAlarm", "cloudwatch:DescribeAlarms",
       "cloudwatch:DeleteAlarms"},
      "*"));
  statements.emplace_back(statement(
      "Images",
      {"ecr:GetAuthorizationToken", "ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer",
       "ecr:BatchGetImage", "ecr:DescribeImages", "ecr:DescribeRepositories", "ecr:ListImages"},
      "*"));
  // The SDK v3 refuses roles that may not do this, whether or not a job has a VpcConfig.
  statements.emplace_back(
      statement("JobNetworks",
                {"ec2:CreateNetworkInterface", "ec2:CreateNetworkInterfacePermission",
                 "ec2:DeleteNetworkInterface", "ec2:DeleteNetworkInterfacePermission",
                 "ec2:DescribeDhcpOptions", "ec2:DescribeNetworkInterfaces",
                 "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"},
                "*"));
  statements.emplace_back(
      statement("Itself",
                {"iam:GetRole", "iam:PassRole", "iam:ListRolePolicies", "iam:GetRolePolicy",
                 "iam:ListAttachedRolePolicies", "iam:SimulatePrincipalPolicy"},
                // A role's name is unique whatever its path, so the name alone is the same role.
                strings({roles + std::string(kExecutionRolePath) + std::string(kExecutionRoleName),
                         roles + "/" + std::string(kExecutionRoleName)})));
  ValueObject document;
  document.append("Version", "2012-10-17");
  document.append("Statement", std::move(statements));
  return write_json(document);
}

Result<void> make_execution_role(State& state, std::string_view account) {
  const std::string key = store::key({account, kMarker});
  if (TRY(first_steps_table().get(state.store(), key))) return {};
  RoleRecord role;
  role.account = std::string(account);
  role.path = std::string(kExecutionRolePath);
  role.name = std::string(kExecutionRoleName);
  role.id = state.make_id("AROA");
  role.created = state.now_seconds();
  role.created_exactly = state.now();
  role.assume_role_policy = std::string(kTrustPolicy);
  role.description = "Made by Tidemill at its first start, for notebooks and their jobs.";
  role.inline_policies.emplace(kPolicyName, execution_role_policy(account));
  // A crash between the two writes leaves a role without the mark: the next start finds it there,
  // and nobody has been served meanwhile who could have deleted it.
  Result<void> made = state.create(role);
  if (!made && made.error().code != "EntityAlreadyExists") return made;
  store::Transaction transaction;
  first_steps_table().put(transaction, key, {std::string(kMarker), state.now_seconds()}, 0);
  return state.store().commit(std::move(transaction));
}

}  // namespace tidemill::services::iam
