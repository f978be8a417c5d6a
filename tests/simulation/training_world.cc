#include "training_world.h"

#include <algorithm>

#include "engine/make_engine.h"
#include "engine/outbox.h"
#include "services/sagemaker/common/test_role_s3.h"
#include "services/sagemaker/jobs/training_job/transitions.h"
#include "services/sagemaker/sagemaker_service.h"
#include "store/fault/fault_store.h"
#include "store/memory/memory_store.h"

namespace tidemill::simulation {

namespace {

using namespace services::sagemaker;
using namespace services::sagemaker::jobs;
using namespace std::chrono_literals;

constexpr const char *kAccount = "123456789012", *kRegion = "us-east-1";
constexpr std::int64_t kBeginMicroseconds = 1'790'000'000'000'000;
constexpr std::int64_t kMaxRuntimeSeconds = 300;
constexpr std::size_t kNames = 4;
// A drain that takes more rounds than this is stuck.
constexpr int kDrainRoundsMax = 400, kTasksOfRoundMax = 2000;

std::string key_of(const std::string& name) { return training_job_key(kAccount, kRegion, name); }

std::vector<store::TableSpec> all_tables() {
  std::vector<store::TableSpec> tables = SagemakerService::tables();
  for (store::TableSpec& table : engine::engine_tables()) tables.push_back(std::move(table));
  return tables;
}

api::sagemaker::CreateTrainingJobRequest request(const std::string& name) {
  api::sagemaker::CreateTrainingJobRequest out;
  out.training_job_name = name;
  out.role_arn = "arn:aws:iam::123456789012:role/r";
  auto& algorithm = out.algorithm_specification.ensure();
  algorithm.training_image = "pytorch-training:2";
  algorithm.training_input_mode = "File";
  algorithm.container_entrypoint = std::vector<std::string>{"/bin/true"};
  out.output_data_config.ensure().s3_output_path = "s3://b/out";
  auto& resources = out.resource_config.ensure();
  resources.instance_type = "ml.m5.large";
  resources.instance_count = 1;
  out.stopping_condition.ensure().max_runtime_in_seconds = kMaxRuntimeSeconds;
  return out;
}

}  // namespace

struct TrainingWorld::Server {
  explicit Server(TrainingWorld& world)
      : outbox(*world.store_, world.wall_, *world.engine_random_),
        engine(engine::make_engine(*world.store_, world.wall_, world.durations_,
                                   *world.engine_random_, {.workers_max = 0})),
        on{*world.store_,
           *engine,
           world.compute_,
           s3_in_account(world.s3_),
           world.logs_,
           world.iam_,
           world.wall_,
           *world.engine_random_,
           test_held(),
           s3_as(world.s3_, world.iam_),
           {.programs = {"/bin/false", "/usr/bin/python3", world.folder_ / "toolkit"},
            .endpoint = "http://127.0.0.1:1"},
           &world.durations_},
        jobs(on) {
    // This reader never starts, so published events stay in the outbox for the checks.
    outbox.add(engine::EventReader{.name = "history", .sources = {"aws.sagemaker"}});
    engine->publish_to(outbox);
    jobs.add_to(*engine);
  }

  engine::Outbox outbox;
  std::unique_ptr<engine::Engine> engine;
  Dependencies on;
  TrainingJobs jobs;
};

TrainingWorld::TrainingWorld(std::uint64_t seed, std::filesystem::path folder)
    : random_(make_seeded_random(seed)),
      engine_random_(make_seeded_random(seed + 1)),
      folder_(std::move(folder)),
      wall_({kBeginMicroseconds}),
      durations_({kBeginMicroseconds}),
      disk_(store::make_memory_store(all_tables())),
      compute_(durations_, folder_ / "volumes",
               [this] { return faults_ && (dead_ || chance(30)); }) {
  std::filesystem::create_directories(folder_ / "toolkit");
  store_ = store::make_fault_store(*disk_, [this](const store::FaultPoint& point) -> store::Fault {
    const bool commits = point.call == store::FaultPoint::Call::commit;
    if (dead_) return {store::FaultKind::fail_before};
    if (commits && commits_left_ && (*commits_left_)-- == 0) {
      // Killed in mid-commit: the change may have reached the disk.
      dead_ = true;
      commits_left_.reset();
      return {chance(500) ? store::FaultKind::fail_after : store::FaultKind::fail_before};
    }
    if (!faults_ || !chance(60)) return {};
    if (!commits) return {chance(300) ? store::FaultKind::fail_before : store::FaultKind::none};
    constexpr store::FaultKind kKinds[] = {
        store::FaultKind::fail_before, store::FaultKind::fail_after, store::FaultKind::storage_full,
        store::FaultKind::conflict, store::FaultKind::overloaded};
    return {kKinds[draw(std::size(kKinds))]};
  });
  start_server();
}

TrainingWorld::~TrainingWorld() {
  end_server(true);
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void TrainingWorld::say(const std::string& what) { story_.push_back(what); }

void TrainingWorld::broken(const std::string& what) {
  if (problem_.empty()) problem_ = what;
}

std::string TrainingWorld::story() const {
  constexpr std::size_t kLinesShown = 200;
  std::string out;
  for (std::size_t i = story_.size() - std::min(story_.size(), kLinesShown); i < story_.size(); ++i)
    out += "  " + std::to_string(i) + ": " + story_[i] + "\n";
  return out;
}

void TrainingWorld::start_server() {
  dead_ = false;
  commits_left_.reset();
  server_ = std::make_unique<Server>(*this);
  // A failed start is tried again, as an operator would.
  while (!server_->engine->start()) {
  }
  (void)compute_.adopt(server_->jobs.listener());
}

void TrainingWorld::end_server(bool killed) {
  dead_ = killed;
  compute_.stop_watching();
  server_->engine->stop();
  server_.reset();
}

void TrainingWorld::restart_if_dead() {
  if (!dead_) return;
  say("the killed server is started again");
  end_server(true);
  start_server();
}

std::string TrainingWorld::any_name() { return "job-" + std::to_string(draw(kNames)); }

void TrainingWorld::create_job() {
  const std::string name = any_name();
  TrainingJob job;
  job.account = kAccount;
  job.region = kRegion;
  job.arn = "arn:aws:sagemaker:us-east-1:123456789012:training-job/" + name;
  job.request = request(name);
  engine::Step<TrainingJob> first = begin_training_job(std::move(job), wall_.now());
  const std::string id = compute_id(first.next);
  // Ids cannot tell apart two jobs of the same name in the same microsecond.
  if (std::ranges::find(ids_, id) != ids_.end()) return pass_time(1us);
  ids_.push_back(id);
  Known& known = known_[name][first.next.created.microseconds];
  Result<void> made =
      server_->engine->create(kTrainingJobMachine, key_of(name), to_json(first.next),
                              training_jobs().index_keys(first.next), std::move(first.tasks));
  known.acknowledged = made.has_value();
  say("create " + id + ": " + (made ? "ok" : made.error().code));
}

void TrainingWorld::stop_job() {
  const std::string name = any_name();
  if (auto found = training_jobs().get(*disk_, key_of(name)); found && *found)
    known_[name][(*found)->record.created.microseconds].stop_asked = true;
  Result<bool> sent =
      server_->engine->send(kTrainingJobMachine, key_of(name), {job_events::kStopRequested, {}});
  say("stop " + name + ": " + (sent ? (*sent ? "ok" : "stale") : sent.error().code));
}

void TrainingWorld::erase_job() {
  const std::string name = any_name();
  auto found = training_jobs().get(*store_, key_of(name));
  if (!found || !*found || !is_terminal((*found)->record)) return;
  known_[name][(*found)->record.created.microseconds].erasing = true;
  Result<void> erased = remove_job_files(server_->on, (*found)->record);
  if (erased) erased = server_->engine->erase(kTrainingJobMachine, key_of(name));
  say("delete " + name + ": " + (erased ? "ok" : erased.error().code));
}

void TrainingWorld::run_task() {
  const bool ran = engine::run_one(*server_->engine, random_->next());
  if (!ran) return pass_time(std::chrono::milliseconds(1 + draw(400)));
  say("a task ran");
}

void TrainingWorld::end_process() {
  const std::vector<std::string> running = compute_.running();
  if (running.empty()) return;
  const std::string id = running[draw(running.size())];
  const int code = chance(700) ? 0 : 1;
  const bool report = chance(900);
  say(id + " ends with " + std::to_string(code) + (report ? "" : ", and its report is lost"));
  compute_.end(id, code, report && !dead_);
}

void TrainingWorld::lose_process() {
  const std::vector<std::string> running = compute_.running();
  if (running.empty()) return;
  const std::string id = running[draw(running.size())];
  say(id + " is lost");
  compute_.lose(id);
}

void TrainingWorld::repeat_report() {
  if (ids_.empty()) return;
  // This may be a deleted job whose name another job has now.
  const std::string id = ids_[draw(ids_.size())];
  if (compute_.runs(id) || !compute_.ended_with(id)) return;
  say("the exit of " + id + " is reported again");
  compute_.report(id);
}

void TrainingWorld::pass_time(std::chrono::microseconds by) {
  say(std::to_string(by.count() / 1000) + " ms pass");
  wall_.advance(by);
  durations_.advance(by);
  compute_.kill_overdue();
  server_->engine->poll();
}

void TrainingWorld::jump_wall_clock() {
  const auto by = std::chrono::seconds(draw(200'000)) - 100'000s;
  say("the wall clock jumps by " + std::to_string(by.count()) + " s");
  wall_.advance(by);
}

void TrainingWorld::die_at_a_commit() {
  commits_left_ = draw(3);
  say("the server dies after " + std::to_string(*commits_left_) + " commits");
}

void TrainingWorld::step() {
  restart_if_dead();
  const std::uint64_t what = draw(100);
  if (what < 45) {
    run_task();
  } else if (what < 55) {
    create_job();
  } else if (what < 60) {
    stop_job();
  } else if (what < 64) {
    erase_job();
  } else if (what < 74) {
    end_process();
  } else if (what < 75) {
    lose_process();
  } else if (what < 79) {
    repeat_report();
  } else if (what < 90) {
    pass_time(std::chrono::milliseconds(chance(200) ? draw(400'000) : draw(3'000)));
  } else if (what < 92) {
    jump_wall_clock();
  } else if (what < 97) {
    die_at_a_commit();
  } else {
    const bool killed = chance(500);
    say(killed ? "kill -9" : "the server is stopped and started");
    end_server(killed);
    start_server();
  }
  check();
}

void TrainingWorld::drain() {
  faults_ = false;
  commits_left_.reset();
  restart_if_dead();
  // Programs that never end by themselves are ended by a stop that was asked for or by
  // MaxRuntimeInSeconds.
  const bool hang = chance(500);
  say(std::string("nothing fails from here on") + (hang ? "; programs hang" : ""));
  for (int round = 0; round < kDrainRoundsMax; ++round) {
    int ran = 0;
    while (engine::run_one(*server_->engine, random_->next()))
      if (++ran > kTasksOfRoundMax) return broken("the engine runs tasks without end");
    if (!hang)
      for (const std::string& id : compute_.running()) compute_.end(id, 0, true);
    pass_time(std::chrono::seconds(61));
    check();
    if (tasks_left() == 0 && ran == 0) return check_nothing_left();
  }
  broken("tasks are left after the drain: " + std::to_string(tasks_left()));
}

std::size_t TrainingWorld::tasks_left() {
  return disk_->scan({.table = "engine_tasks", .limit = 1000})->rows.size();
}

}  // namespace tidemill::simulation
