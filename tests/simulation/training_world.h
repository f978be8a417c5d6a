// One history of training jobs: the real engine, transitions and tasks on one thread, over a
// failing store, jumping clocks, and processes that end at any time. Everything is drawn from a
// seed, so the same seed repeats the history.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "fake_compute.h"
#include "services/s3/test_s3.h"
#include "services/sagemaker/common/test_fakes.h"
#include "services/sagemaker/jobs/training_job/training_jobs.h"

namespace tidemill::simulation {

class TrainingWorld {
 public:
  // Creates `folder`; the destructor removes it.
  TrainingWorld(std::uint64_t seed, std::filesystem::path folder);
  ~TrainingWorld();

  // Does one thing drawn from the seed, then checks everything that must always hold.
  void step();
  // From now on nothing fails: everything must end, and nothing may be left.
  void drain();

  // The first broken promise; "" when there is none.
  const std::string& problem() const { return problem_; }
  // The history as text, one line per step.
  std::string story() const;
  std::size_t jobs_ended() const { return ended_; }

 private:
  // One run of the server, from its start to a kill or a stop.
  struct Server;

  // Facts about a job that are not in its record.
  struct Known {
    bool acknowledged = false;  // creating it was answered with success
    bool erasing = false;       // a deletion was tried, so it may be gone
    bool stop_asked = false;
    services::sagemaker::jobs::TrainingPhase phase =
        services::sagemaker::jobs::TrainingPhase::preparing;
    std::optional<Timestamp> training_since;  // by the durations clock
    std::string terminal;                     // the record's text once the job is over
  };

  std::uint64_t draw(std::uint64_t below) { return random_->next() % below; }
  bool chance(std::uint64_t per_mille) { return draw(1000) < per_mille; }
  void say(const std::string& what);
  void broken(const std::string& what);

  void start_server();
  void end_server(bool killed);
  void restart_if_dead();

  void create_job();
  void stop_job();
  void erase_job();
  void run_task();
  void end_process();
  void lose_process();
  void repeat_report();
  void pass_time(std::chrono::microseconds by);
  void jump_wall_clock();
  void die_at_a_commit();

  std::string any_name();
  void check();
  void check_job(const std::string& name, const services::sagemaker::jobs::TrainingJob& job,
                 const std::string& text);
  void check_end(const std::string& name, const services::sagemaker::jobs::TrainingJob& job,
                 const Known& known);
  void check_nothing_left();
  // An end is published exactly once, in the transaction of the change.
  void check_published();
  std::size_t tasks_left();

  std::unique_ptr<Random> random_;
  std::unique_ptr<Random> engine_random_;
  const std::filesystem::path folder_;
  ManualClock wall_, durations_;
  bool faults_ = true;
  bool dead_ = false;                          // the process was killed: nothing reaches the disk
  std::optional<std::uint64_t> commits_left_;  // until the server is killed
  std::unique_ptr<store::Store> disk_;         // what survives
  std::unique_ptr<store::Store> store_;        // what the server sees
  services::s3::TestS3 s3_{{"b"}};
  services::sagemaker::FakeLogs logs_;
  services::sagemaker::FakeIam iam_;
  FakeCompute compute_;
  std::unique_ptr<Server> server_;
  std::map<std::string, std::map<std::int64_t, Known>> known_;  // by name and creation time
  std::vector<std::string> ids_;                                // every compute id there ever was
  std::size_t ended_ = 0;
  std::vector<std::string> story_;
  std::string problem_;
};

}  // namespace tidemill::simulation
