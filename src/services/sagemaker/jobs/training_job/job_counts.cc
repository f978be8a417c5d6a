#include "services/sagemaker/jobs/training_job/job_counts.h"

#include "engine/engine.h"
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

std::string TrainingJobCounts::metrics_text() const {
  std::string text =
      "# HELP tidemill_training_jobs Training jobs under way, by stage.\n"
      "# TYPE tidemill_training_jobs gauge\n";
  std::lock_guard lock(mutex_);
  std::map<std::string, std::uint64_t> counts;
  for (const auto& [arn, stage] : stages_) ++counts[stage];
  for (const auto& [stage, count] : counts)
    text += "tidemill_training_jobs{secondary_status=\"" + stage + "\"} " + std::to_string(count) +
            "\n";
  text +=
      "# HELP tidemill_training_jobs_ended_total Training jobs that ended since the start.\n"
      "# TYPE tidemill_training_jobs_ended_total counter\n";
  for (const auto& [status, count] : ended_)
    text += "tidemill_training_jobs_ended_total{status=\"" + status + "\"} " +
            std::to_string(count) + "\n";
  return text;
}

}  // namespace tidemill::services::sagemaker::jobs
