#include "services/sagemaker/jobs/training_job/job_counts.h"

#include "engine/engine.h"
#include "services/platform/metrics/metrics.h"
#include "services/sagemaker/jobs/training_job/events.h"

namespace tidemill::services::sagemaker::jobs {

namespace {

constexpr std::size_t kScanPage = 200;
constexpr const char* kSource = "aws.sagemaker";

bool is_end(const std::string& status) {
  return status == "Completed" || status == "Failed" || status == "Stopped";
}

}  // namespace

void TrainingJobCounts::add_to(engine::Outbox& outbox) {
  outbox.add(
      engine::Projection{.name = "training job counts",
                         .sources = {kSource},
                         .rebuild = [this] { return rebuild(); },
                         .apply = [this](const engine::PublishedEvent& event) -> Result<void> {
                           if (event.detail_type == kTrainingStateChange) apply(event);
                           return {};
                         }});
}

Result<void> TrainingJobCounts::rebuild() {
  std::unordered_map<std::string, std::string> stages;
  store::Scan scan;
  scan.limit = kScanPage;
  do {
    const auto page = TRY(training_jobs().scan(store_, scan));
    for (const auto& found : page.records)
      if (!is_terminal(found.record)) stages[found.record.arn] = found.record.secondary_status;
    scan.after = page.next;
  } while (!scan.after.empty());
  std::lock_guard lock(mutex_);
  stages_ = std::move(stages);
  return {};
}

void TrainingJobCounts::apply(const engine::PublishedEvent& event) {
  const std::string status = engine::text_of(event.detail, "TrainingJobStatus");
  std::lock_guard lock(mutex_);
  if (is_end(status)) {
    stages_.erase(event.subject);
    ++ended_[status];
  } else {
    stages_[event.subject] = engine::text_of(event.detail, "SecondaryStatus");
  }
}

void TrainingJobCounts::add_to(platform::MetricRegistry& metrics) const {
  metrics.add_family({.name = "tidemill_training_jobs",
                      .kind = platform::MetricKind::gauge,
                      .help = "Training jobs under way, by stage."},
                     [this] {
                       std::map<std::string, double> counts;
                       std::lock_guard lock(mutex_);
                       for (const auto& [arn, stage] : stages_) ++counts[stage];
                       std::vector<platform::MetricSample> samples;
                       for (const auto& [stage, count] : counts)
                         samples.push_back({{{"secondary_status", stage}}, count});
                       return samples;
                     });
  metrics.add_family({.name = "tidemill_training_jobs_ended_total",
                      .help = "Training jobs that ended since the start."},
                     [this] {
                       std::lock_guard lock(mutex_);
                       std::vector<platform::MetricSample> samples;
                       for (const auto& [status, count] : ended_)
                         samples.push_back({{{"status", status}}, double(count)});
                       return samples;
                     });
}

}  // namespace tidemill::services::sagemaker::jobs
