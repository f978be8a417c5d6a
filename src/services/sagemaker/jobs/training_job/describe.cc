#include <algorithm>
#include <cmath>

#include "services/sagemaker/jobs/training_job/metrics.h"
#include "services/sagemaker/jobs/training_job/training_jobs.h"

namespace tidemill::services::sagemaker::jobs {

namespace {

using namespace api::sagemaker;

// Whole seconds, at least one once it ran. However the wall clock was set meanwhile.
std::int64_t training_seconds(const TrainingJob& job) {
  const std::int64_t shown = (*job.training_ended - *job.training_started).count();
  const double seconds = double(job.training_microseconds.value_or(shown)) / 1e6;
  return std::max<std::int64_t>(1, std::llround(seconds));
}

void add_progress(const TrainingJob& job, DescribeTrainingJobResponse& out) {
  std::vector<SecondaryStatusTransition> transitions;
  transitions.reserve(job.transitions.size());
  for (const TrainingTransition& t : job.transitions)
    transitions.push_back({t.status, t.started, t.ended, t.message});
  out.secondary_status_transitions = std::move(transitions);
  out.training_start_time = job.training_started;
  out.training_end_time = job.training_ended;
  if (job.training_started && job.training_ended) {
    out.training_time_in_seconds = training_seconds(job);
    out.billable_time_in_seconds = out.training_time_in_seconds;
  }
  if (!job.metrics.empty()) {
    std::vector<MetricData> metrics;
    metrics.reserve(job.metrics.size());
    for (const TrainingMetric& metric : job.metrics)
      metrics.push_back({metric.name, metric.value, metric.time});
    out.final_metric_data_list = std::move(metrics);
  }
}

}  // namespace

namespace {

// Debugger's and Profiler's rules are kept and never evaluated; a caller that waits for a verdict
// must get one, and no good one.
template <class Status, class Configurations>
std::optional<std::vector<Status>> rule_statuses(const Configurations& configurations,
                                                 Timestamp time) {
  if (!configurations || configurations->empty()) return {};
  std::vector<Status> statuses;
  for (const auto& rule : *configurations)
    statuses.push_back(
        {rule.rule_configuration_name,
         {},
         std::string(rule_evaluation_status::kError),
         "Tidemill does not evaluate rules; the training job itself is not affected.",
         time});
  return statuses;
}

}  // namespace

DescribeTrainingJobResponse describe_training_job(const TrainingJob& job, Timestamp) {
  const CreateTrainingJobRequest& request = job.request;
  DescribeTrainingJobResponse out;
  out.training_job_name = job.name();
  out.training_job_arn = job.arn;
  out.training_job_status = job.status;
  out.secondary_status = job.secondary_status;
  if (!job.failure_reason.empty()) out.failure_reason = job.failure_reason;
  if (!job.model_artifacts.empty())
    out.model_artifacts.ensure().s3_model_artifacts = job.model_artifacts;
  out.hyper_parameters = request.hyper_parameters;
  out.algorithm_specification = request.algorithm_specification;
  if (out.algorithm_specification &&
      !out.algorithm_specification->enable_sage_maker_metrics_time_series)
    out.algorithm_specification->enable_sage_maker_metrics_time_series = false;
  if (auto definitions = metric_definitions(job);
      out.algorithm_specification && !definitions.empty())
    out.algorithm_specification->metric_definitions = std::move(definitions);
  out.role_arn = request.role_arn;
  out.input_data_config = request.input_data_config;
  out.output_data_config = request.output_data_config;
  if (out.output_data_config) {
    // attach() of the SDK reads both, set or not.
    if (!out.output_data_config->kms_key_id) out.output_data_config->kms_key_id = "";
    if (!out.output_data_config->compression_type)
      out.output_data_config->compression_type = std::string(output_compression_type::kGzip);
  }
  out.resource_config = request.resource_config;
  if (out.resource_config && !out.resource_config->volume_size_in_gb) {
    out.resource_config->volume_size_in_gb = kVolumeDefaultGb;
  }
  out.vpc_config = request.vpc_config;
  out.stopping_condition = request.stopping_condition;
  out.stopping_condition.ensure();
  out.creation_time = job.created;
  out.last_modified_time = job.modified;
  out.enable_network_isolation = request.enable_network_isolation.value_or(false);
  out.enable_inter_container_traffic_encryption =
      request.enable_inter_container_traffic_encryption.value_or(false);
  out.enable_managed_spot_training = request.enable_managed_spot_training.value_or(false);
  out.checkpoint_config = request.checkpoint_config;
  out.debug_hook_config = request.debug_hook_config;
  out.experiment_config = request.experiment_config;
  out.debug_rule_configurations = request.debug_rule_configurations;
  out.debug_rule_evaluation_statuses =
      rule_statuses<DebugRuleEvaluationStatus>(request.debug_rule_configurations, job.created);
  out.tensor_board_output_config = request.tensor_board_output_config;
  out.profiler_config = request.profiler_config;
  out.profiler_rule_configurations = request.profiler_rule_configurations;
  out.profiler_rule_evaluation_statuses = rule_statuses<ProfilerRuleEvaluationStatus>(
      request.profiler_rule_configurations, job.created);
  out.environment = request.environment;
  out.retry_strategy = request.retry_strategy;
  out.remote_debug_config = request.remote_debug_config;
  out.infra_check_config = request.infra_check_config;
  add_progress(job, out);
  return out;
}

}  // namespace tidemill::services::sagemaker::jobs
