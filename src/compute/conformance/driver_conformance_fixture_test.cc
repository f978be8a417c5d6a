#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "base/test_eventually.h"
#include "compute/conformance/driver_conformance.h"

namespace tidemill::compute {

namespace {

namespace fs = std::filesystem;

void write_file(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

JobSpec shell(const std::string& id, const std::string& text) {
  JobSpec spec;
  spec.id = id;
  spec.command = {"/bin/sh", "-c", text};
  spec.working_directory = "/";
  return spec;
}

// Jobs of a server that is killed while they run, and after one was prepared.
void start_jobs(Driver& driver, Listener& listener) {
  const std::string volume = "signals";
  (void)driver.volumes().make(volume);
  (void)driver.volumes().publish(volume);
  const auto start = [&](const std::string& id, const std::string& text) {
    JobSpec spec = shell(id, text);
    spec.volumes = {{volume, "/signals", true, "SIGNALS"}};
    EXPECT_TRUE(driver.run(spec));
  };
  const std::string wait = "until [ -e ${SIGNALS:-/signals}/killed ]; do sleep 0.02; done; ";
  start("lives", "echo first; " + wait + "echo second; exit 5");
  start("stopped", "sleep 100");
  listener.wait_line("lives", "first");
  driver.stop_watching();  // returns when the line is acknowledged
  EXPECT_TRUE(driver.prepare(shell("prepared", "echo must not run")));
  start("ended", "echo only; exit 4");
  EXPECT_TRUE(eventually([&] { return driver.observe("ended")->state == JobState::exited; }));
}

}  // namespace

int conformance_server_main(int argc, char** argv) {
  constexpr int kArguments = 5;
  if (argc < kArguments) return 2;
  const std::string name = argv[2], scenario = argv[4];
  const auto& drivers = drivers_under_test();
  const auto found = std::ranges::find(drivers, name, &DriverUnderTest::name);
  if (found == drivers.end()) return 2;
  SystemClock clock;
  Listener listener;
  Result<std::unique_ptr<Driver>> driver = found->open(argv[3], clock);
  if (!driver || !(*driver)->adopt(listener)) return 1;
  if (scenario == "jobs") start_jobs(**driver, listener);
  if (scenario == "prepare") (void)(*driver)->prepare(shell("a", "echo must not run"));
  if (::testing::Test::HasFailure()) return 1;
  ::raise(SIGKILL);
  return 1;
}

void DriverConformance::SetUp() {
  char name[] = "/tmp/tidemill_driver_XXXXXX";
  folder_ = ::mkdtemp(name);
  ::chmod(folder_.c_str(), 0755);
  open();
}

void DriverConformance::TearDown() {
  close();
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

void DriverConformance::open() {
  listener_ = std::make_unique<Listener>();
  Result<std::unique_ptr<Driver>> made = GetParam().open(folder_, clock_);
  ASSERT_TRUE(made) << made.error().message;
  driver_ = *std::move(made);
  const Result<void> adopted = driver_->adopt(*listener_);
  ASSERT_TRUE(adopted) << adopted.error().message;
}

void DriverConformance::close() {
  if (driver_) driver_->stop_watching();
  driver_.reset();
}

void DriverConformance::run_killed_server(const std::string& scenario) {
  const pid_t server = ::fork();
  if (server == 0) {
    // exec, because a fork of a threaded test program may do little else.
    ::execl("/proc/self/exe", "server", "--conformance-server", GetParam().name.c_str(),
            folder_.c_str(), scenario.c_str(), nullptr);
    ::_exit(99);
  }
  int status = 0;
  ::waitpid(server, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status)) << "the server of the scenario ended with " << status;
}

JobSpec DriverConformance::script(const std::string& id, const std::string& text) {
  return shell(id, text);
}

JobExit DriverConformance::run(const JobSpec& spec) {
  const Result<void> started = driver_->run(spec);
  EXPECT_TRUE(started) << started.error().message;
  return started ? listener_->wait_exit(spec.id) : JobExit();
}

void DriverConformance::write(const std::string& volume, const std::string& file,
                              const std::string& text) {
  const Result<void> made = driver_->volumes().make(volume);
  EXPECT_TRUE(made) << made.error().message;
  if (!file.empty()) write_file(fs::path(driver_->volumes().folder(volume)) / file, text);
  const Result<void> published = driver_->volumes().publish(volume);
  EXPECT_TRUE(published) << published.error().message;
}

std::string DriverConformance::read(const std::string& volume, const std::string& file) {
  const Result<void> collected = driver_->volumes().collect(volume);
  EXPECT_TRUE(collected) << collected.error().message;
  std::ifstream stream(fs::path(driver_->volumes().folder(volume)) / file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::vector<std::string> DriverConformance::log_from(const std::string& id, std::uint64_t& offset) {
  constexpr std::size_t kEverything = 1u << 20;
  std::vector<std::string> texts;
  const Result<LogPart> part = driver_->log(id, offset, kEverything);
  EXPECT_TRUE(part) << part.error().message;
  if (!part) return texts;
  for (const LogLine& line : part->lines) texts.push_back(line.text);
  offset = part->next;
  return texts;
}

}  // namespace tidemill::compute
