// Conditions that must hold for training jobs, whatever happens.
#include <set>

#include "engine/published_event.h"
#include "training_world.h"

namespace tidemill::simulation {

using namespace services::sagemaker;
using namespace services::sagemaker::jobs;

namespace {

constexpr std::chrono::seconds kMaxRuntime{300};

bool is_end(const std::string& status) {
  static const std::set<std::string> kEnds = {"Completed", "Failed", "Stopped",
                                              "MaxRuntimeExceeded"};
  return kEnds.contains(status);
}

}  // namespace

void TrainingWorld::check() {
  if (!compute_.problem().empty()) broken(compute_.problem());
  for (auto& [name, generations] : known_) {
    const std::string key = training_job_key("123456789012", "us-east-1", name);
    const auto row = disk_->get("sagemaker_training_jobs", key);
    if (!row) return broken("the disk does not answer");
    std::int64_t created = 0;
    if (*row) {
      Result<TrainingJob> job = from_json<TrainingJob>((*row)->value);
      if (!job) return broken("a record does not parse: " + (*row)->value);
      created = job->created.microseconds;
      check_job(name, *job, (*row)->value);
    }
    // Nothing that was acknowledged is lost, unless its deletion was requested.
    for (const auto& [when, known] : generations)
      if (known.acknowledged && !known.erasing && when != created)
        broken("the acknowledged job " + name + " is lost");
  }
  check_published();
}

void TrainingWorld::check_job(const std::string& name, const TrainingJob& job,
                              const std::string& text) {
  const auto found = known_[name].find(job.created.microseconds);
  if (found == known_[name].end()) return broken("nobody made the job " + name);
  Known& known = found->second;
  if (job.phase < known.phase) broken(name + " goes back from a later phase");
  known.phase = job.phase;
  if (job.phase == TrainingPhase::training && !known.training_since)
    known.training_since = durations_.now();
  if (job.transitions.empty()) return broken(name + " has no history");
  std::size_t ends = 0;
  for (const TrainingTransition& transition : job.transitions) ends += is_end(transition.status);
  if (!is_terminal(job)) {
    if (ends != 0) broken(name + " ended and goes on");
    if (!known.terminal.empty()) broken(name + " came back from its end");
    return;
  }
  if (ends != 1 || !is_end(job.transitions.back().status) || !job.transitions.back().ended)
    broken(name + " does not have exactly one end: " + text);
  if (known.terminal.empty()) {
    known.terminal = text;
    ++ended_;
    say(name + " is " + job.status + " (" + job.secondary_status + ")");
    check_end(name, job, known);
  }
  if (known.terminal != text) broken(name + " changed after its end: " + text);
}

void TrainingWorld::check_end(const std::string& name, const TrainingJob& job, const Known& known) {
  const std::optional<int> exit = compute_.ended_with(compute_id(job));
  if (job.status == "Completed") {
    if (exit != 0) broken(name + " is Completed though its process did not end with 0");
    if (job.stop_requested || job.max_runtime_exceeded) broken(name + " was stopped and Completed");
    if (job.model_artifacts.empty()) broken(name + " is Completed without its model");
    return;
  }
  if (job.status == "Failed") {
    if (job.failure_reason.empty()) broken(name + " is Failed for no reason");
    return;
  }
  if (job.status != "Stopped") return broken(name + " ended as " + job.status);
  if (job.secondary_status != "MaxRuntimeExceeded") {
    if (!known.stop_asked) broken(name + " is Stopped though nobody asked");
    return;
  }
  // Measured by the durations clock, so steps of the wall clock have no effect.
  if (!known.training_since || durations_.now() - *known.training_since < kMaxRuntime)
    broken(name + " is said to have been too long, and was not");
}

void TrainingWorld::check_published() {
  std::map<std::string, std::size_t> published;
  const auto page = disk_->scan({.table = "engine_outbox", .limit = store::kScanLimitMax});
  if (!page) return broken("the outbox does not answer");
  for (const store::Row& row : page->rows) {
    const auto event = from_json<engine::PublishedEvent>(row.value);
    if (!event) return broken("an event does not parse: " + row.value);
    const std::string status = engine::text_of(event->detail, "TrainingJobStatus");
    if (is_end(status)) ++published[engine::text_of(event->detail, "TrainingJobName")];
  }
  for (const auto& [name, generations] : known_) {
    std::size_t ends = 0;
    for (const auto& [when, known] : generations) ends += !known.terminal.empty();
    if (published[name] != ends)
      broken(name + " ended " + std::to_string(ends) + " times and " +
             std::to_string(published[name]) + " ends were published");
  }
}

void TrainingWorld::check_nothing_left() {
  check();
  for (const auto& [name, generations] : known_) {
    auto found = training_jobs().get(*disk_, training_job_key("123456789012", "us-east-1", name));
    if (found && *found && !is_terminal((*found)->record))
      broken(name + " never ends: it is " + (*found)->record.secondary_status);
  }
  if (compute_.size() != 0) broken("a process is left: " + std::to_string(compute_.size()));
  if (iam_.grants() != 0) broken("a job's credentials are left: " + std::to_string(iam_.grants()));
  std::error_code none;
  for (const auto& entry :
       std::filesystem::directory_iterator(folder_ / "volumes" / "training", none))
    broken("a job's volumes are left: " + entry.path().filename().string());
}

}  // namespace tidemill::simulation
