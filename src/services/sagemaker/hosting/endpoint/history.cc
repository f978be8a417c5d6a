#include "services/sagemaker/hosting/endpoint/history.h"

#include "services/sagemaker/common/listing/listing.h"
#include "services/sagemaker/hosting/endpoint/endpoint_names.h"

namespace tidemill::services::sagemaker::hosting {
namespace {

namespace api = tidemill::api::sagemaker;
namespace operations = tidemill::api::sagemaker::operations;

constexpr std::int64_t kPageDefault = 50;
constexpr std::size_t kScanPage = 500;

std::string describe_policy(const DeploymentPolicy& policy) {
  std::string text = policy.type;
  if (policy.type != deployment_policies::kAllAtOnce)
    text += " " + std::to_string(policy.size) + (policy.size_in_percent ? "%" : " instances");
  if (policy.wait_seconds > 0) text += ", wait " + std::to_string(policy.wait_seconds) + " s";
  return text;
}

api::EndpointDeploymentSummary summary(const DeploymentRecord& record) {
  const Deployment& deployment = record.deployment;
  api::EndpointDeploymentSummary out;
  out.deployment_id = deployment.id;
  out.operation = deployment.kind;
  if (!deployment.trigger.empty()) out.trigger = deployment.trigger;
  out.endpoint_config_name = deployment.config_name;
  if (!deployment.previous_config_name.empty())
    out.previous_endpoint_config_name = deployment.previous_config_name;
  out.policy = describe_policy(deployment.policy);
  out.start_time = deployment.started;
  out.end_time = record.ended;
  out.result = record.result;
  if (!record.reason.empty()) out.reason = record.reason;
  std::vector<api::EndpointDeploymentStep> steps;
  for (const DeploymentStep& step : deployment.steps)
    steps.push_back({step.time, step.what, step.traffic_percent});
  out.steps = std::move(steps);
  return out;
}

Result<api::ListEndpointDeploymentsOutput> list(const Dependencies& in, Context& context,
                                                const api::ListEndpointDeploymentsInput& request) {
  const std::string& name = request.endpoint_name;
  const Endpoint endpoint = TRY(find_endpoint(in.store, context.account(), context.region, name));
  store::Scan scan;
  scan.prefix = deployment_prefix(context.account(), context.region, name);
  scan.after = request.next_token.value_or("");
  scan.limit = std::size_t(request.max_results.value_or(kPageDefault));
  scan.page_bytes_max = kListedBytesMax;
  auto page = deployments().scan(in.store, scan);
  if (!page) return internal_failure(page.error());
  api::ListEndpointDeploymentsOutput out;
  const auto& last = endpoint.last_deployment;
  for (const auto& found : page->records)
    out.deployments.push_back(
        summary(last && last->deployment.id == found.record.deployment.id ? *last : found.record));
  if (!page->next.empty()) out.next_token = page->next;
  return out;
}

}  // namespace

Result<void> keep_deployment(store::Store& store, const DeploymentRecord& record) {
  store::Transaction transaction;
  // The entry of the start may be written late, after the one of the end: that one stays.
  auto found = TRY(deployments().get(store, deployment_key(record)));
  if (found && found->record.ended && !record.ended) return {};
  deployments().put(transaction, deployment_key(record), record,
                    found ? found->version : std::uint64_t{0});
  if (!found) {
    store::Scan scan;
    scan.prefix = deployment_prefix(record.account, record.region, record.endpoint);
    scan.limit = kDeploymentsKeptMax + 1;
    auto page = TRY(deployments().scan(store, scan));
    if (page.records.size() >= kDeploymentsKeptMax)
      deployments().erase(transaction, deployment_key(page.records.front().record), std::nullopt);
  }
  return store.commit(std::move(transaction));
}

Result<void> forget_deployments(store::Store& store, store::Transaction& transaction,
                                const Endpoint& endpoint) {
  store::Scan scan;
  scan.prefix = deployment_prefix(endpoint.account, endpoint.region, endpoint.name);
  scan.limit = kScanPage;
  do {
    auto page = TRY(deployments().scan(store, scan));
    for (const auto& found : page.records)
      deployments().erase(transaction, deployment_key(found.record), std::nullopt);
    scan.after = page.next;
  } while (!scan.after.empty());
  return {};
}

void add_history_operations(Registry& registry, const Dependencies& dependencies) {
  registry.add<operations::ListEndpointDeployments>(
      [in = dependencies](Context& context, const auto& request) {
        return list(in, context, request);
      });
}

}  // namespace tidemill::services::sagemaker::hosting
