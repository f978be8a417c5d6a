// Final metrics of a job, read off its log by regular expressions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/sagemaker/training_job.h"
#include "base/error.h"
#include "compute/compute.h"
#include "services/sagemaker/common/images/images.h"
#include "services/sagemaker/jobs/training_job/training_job.h"

namespace tidemill::services::sagemaker::jobs {

// ValidationException when an expression is none, or has no group for the value.
Result<void> check_metric_definitions(
    const std::vector<api::sagemaker::MetricDefinition>& definitions);

// Definitions that an algorithm brings itself: native XGBoost's "train:auc", "validation:rmse", ...
std::vector<api::sagemaker::MetricDefinition> builtin_metric_definitions(const Image& image,
                                                                         bool script_mode);

// All that a job has: its algorithm's, then the request's own; the latter replace those of their
// names. What Describe shows and what its final metrics are read with.
std::vector<api::sagemaker::MetricDefinition> metric_definitions(const TrainingJob& job);

// The last value of each metric that occurs in the log, in the definitions' order, with the time
// when its line was written (`ended` where the log does not tell). `#011` stands for a tab, as in
// AWS's logs; expressions see it both ways.
std::vector<TrainingMetric> final_metrics(
    const std::vector<api::sagemaker::MetricDefinition>& definitions, const compute::LogTail& log,
    Timestamp ended);

}  // namespace tidemill::services::sagemaker::jobs
