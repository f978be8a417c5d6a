#include "compute/process/process_compute.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "base/test_eventually.h"
#include "compute/conformance/driver_conformance.h"
#include "compute/process/job_files.h"
#include "compute/process/shim.h"
#include "compute/process/test_fixture.h"

namespace tidemill::compute {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(ProcessComputeTest, ExitCodesAndOutputInOrder) {
  JobExit exit = run(script("a", "echo one; echo two >&2; printf three; exit 7"));
  EXPECT_EQ(exit.exit_code, 7);
  EXPECT_EQ(exit.signal, 0);
  EXPECT_EQ(exit.reason, "");
  EXPECT_FALSE(exit.stop_requested);
  EXPECT_GE(exit.ended, exit.started);
  EXPECT_THAT(listener_.lines("a"), ElementsAre("one", "two", "three"));
  EXPECT_EQ(run(script("b", "exit 0")).exit_code, 0);
  const LogTail tail = *compute_->log_tail("a", 1000);
  EXPECT_EQ(tail.text, "one\ntwo\nthree\n");
  ASSERT_FALSE(tail.moments.empty());
  EXPECT_EQ(tail.moments.front().line, 0u);
  const LogTail end = *compute_->log_tail("a", 6);
  EXPECT_EQ(end.text, "three\n");
  ASSERT_FALSE(end.moments.empty());
  EXPECT_EQ(end.moments.back().line, 0u);
  EXPECT_EQ(end.moments.back().time, tail.moments.back().time);
}

TEST_F(ProcessComputeTest, Signal) {
  JobExit exit = run(script("a", "kill -SEGV $$"));
  EXPECT_EQ(exit.signal, SIGSEGV);
  EXPECT_EQ(exit.exit_code, 128 + SIGSEGV);
}

TEST_F(ProcessComputeTest, CommandNotFoundSaysSo) {
  JobSpec spec = script("a", "");
  spec.command = {"no-such-program"};
  JobExit exit = run(spec);
  EXPECT_EQ(exit.exit_code, 127);
  EXPECT_THAT(exit.reason, HasSubstr("'no-such-program' was not found in PATH"));
  spec = script("b", "exit 0");
  spec.working_directory = "/no/such/folder";
  EXPECT_THAT(run(spec).reason, HasSubstr("/no/such/folder"));
}

TEST_F(ProcessComputeTest, RunIsIdempotentAlsoAfterTheExit) {
  const fs::path folder = make_folder("count");
  JobSpec spec = script("a", "echo x");
  run(spec);
  EXPECT_TRUE(compute_->run(spec));
  EXPECT_TRUE(compute_->run(spec));
  EXPECT_EQ(compute_->observe("a")->state, JobState::exited);
  EXPECT_THAT(listener_.lines("a"), ElementsAre("x"));
  EXPECT_TRUE(compute_->remove("a"));
  EXPECT_TRUE(compute_->remove("a"));
  EXPECT_EQ(compute_->observe("a")->state, JobState::absent);
  EXPECT_EQ(compute_->stop("a", seconds(1)).error().code, codes::kNotFound);
}

TEST_F(ProcessComputeTest, EnvironmentIsExactlyTheSpecs) {
  ::setenv("TIDEMILL_SECRET_OF_THE_SERVER", "leak", 1);
  JobSpec spec = script("a", "");
  spec.command = {"/usr/bin/env"};
  spec.environment = {{"ONE", "1"}, {"HOME", "/tmp"}};
  run(spec);
  EXPECT_THAT(listener_.lines("a"),
              ::testing::UnorderedElementsAre(
                  "HOME=/tmp", "LANG=C.UTF-8", "ONE=1",
                  "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
}

TEST_F(ProcessComputeTest, StopIsGentleThenFirm) {
  ASSERT_TRUE(compute_->run(
      script("gentle", "trap 'echo bye; exit 3' TERM; echo ready; while :; do sleep 0.01; done")));
  listener_.wait_line("gentle", "ready");
  EXPECT_EQ(compute_->observe("gentle")->state, JobState::running);
  ASSERT_TRUE(compute_->stop("gentle", seconds(20)));
  JobExit exit = listener_.wait_exit("gentle");
  EXPECT_EQ(exit.exit_code, 3);
  EXPECT_TRUE(exit.stop_requested);
  EXPECT_EQ(listener_.lines("gentle").back(), "bye");

  ASSERT_TRUE(
      compute_->run(script("deaf", "trap '' TERM; echo ready; while :; do sleep 0.01; done")));
  listener_.wait_line("deaf", "ready");
  const auto before = std::chrono::steady_clock::now();
  ASSERT_TRUE(compute_->stop("deaf", seconds(1)));
  exit = listener_.wait_exit("deaf");
  EXPECT_GE(std::chrono::steady_clock::now() - before, milliseconds(900));
  EXPECT_EQ(exit.signal, SIGKILL);
  EXPECT_TRUE(exit.stop_requested);
  EXPECT_TRUE(compute_->stop("deaf", seconds(1)));  // already over: does nothing
}

TEST_F(ProcessComputeTest, NothingOfTheJobSurvivesItsEnd) {
  // A grandchild in its own session that ignores SIGTERM and holds the output open.
  JobExit exit = run(script("a",
                            "setsid sh -c 'trap \"\" TERM; echo ready; while :; do sleep 1; done' "
                            "marker-of-the-grandchild & sleep 0.3; exit 0"));
  EXPECT_EQ(exit.exit_code, 0);
  EXPECT_THAT(listener_.lines("a"), ElementsAre("ready"));
  EXPECT_FALSE(runs_somewhere("marker-of-the-grandchild"));
}

TEST_F(ProcessComputeTest, ThousandsOfLinesAndRefusals) {
  listener_.refuse(2);
  EXPECT_EQ(
      run(script("a", "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done")).exit_code,
      0);
  const std::vector<std::string> lines = listener_.lines("a");
  ASSERT_EQ(lines.size(), 20000u);
  for (int i = 0; i < 20000; ++i) ASSERT_EQ(lines[i], "line " + std::to_string(i));
}

TEST_F(ProcessComputeTest, RemovalDeliversTheLastLines) {
  for (int round = 0; round < 5; ++round) {
    const std::string id = "a" + std::to_string(round);
    ASSERT_TRUE(compute_->run(script(id, "echo first; echo last")));
    listener_.refuse(1);  // so that lines are still to come when the exit is known
    ASSERT_TRUE(eventually([&] { return compute_->observe(id)->state == JobState::exited; }));
    EXPECT_TRUE(compute_->remove(id));
    EXPECT_EQ(listener_.lines(id), (std::vector<std::string>{"first", "last"}));
  }
}

TEST_F(ProcessComputeTest, RemovalDoesNotWaitForAListenerThatNeverTakesLines) {
  listener_.refuse(1'000'000);
  ASSERT_TRUE(compute_->run(script("a", "echo lost")));
  ASSERT_TRUE(eventually([&] { return compute_->observe("a")->state == JobState::exited; }));
  const auto began = std::chrono::steady_clock::now();
  EXPECT_TRUE(compute_->remove("a"));
  EXPECT_LT(std::chrono::steady_clock::now() - began, seconds(15));
  EXPECT_TRUE(listener_.lines("a").empty());
}

TEST_F(ProcessComputeTest, LongAndBrokenLines) {
  EXPECT_EQ(run(script("a", "head -c 400000 /dev/zero | tr '\\0' x; echo; printf 'a\\377b\\n'"))
                .exit_code,
            0);
  const std::vector<std::string> lines = listener_.lines("a");
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0].size(), kLogLineBytesMax);
  EXPECT_EQ(lines[1],
            "a\xEF\xBF\xBD"
            "b");
}

TEST_F(ProcessComputeTest, LogIsBoundedAndKeepsItsEnd) {
  compute_->stop_watching();
  ProcessOptions options = options_in(directory_);
  options.log_bytes_max = 10'000;
  compute_ = *make_process_driver(options, clock_);
  ASSERT_TRUE(compute_->adopt(listener_));
  run(script("a", "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done"));
  const std::vector<std::string> lines = listener_.lines("a");
  EXPECT_LT(lines.size(), 5000u);
  EXPECT_EQ(lines.front(), "line 0");
  EXPECT_EQ(lines.back(), "line 19999");
  EXPECT_TRUE(std::any_of(lines.begin(), lines.end(), [](const std::string& line) {
    return line.contains("lines are left out here");
  }));
}

TEST_F(ProcessComputeTest, EachJobHasItsOwnFolderAtTheSamePath) {
  if (!compute_->isolation().mount_namespace) GTEST_SKIP() << compute_->isolation().explanation;
  const bool there_before = fs::exists("/opt/ml");
  for (const char* id : {"a", "b"}) {
    const fs::path ml = make_folder(std::string("ml_") + id);
    std::ofstream(ml / "name") << id << "\n";
    JobSpec spec = script(id,
                          "cat name; sleep 0.2; echo $(cat /opt/ml/name) > /opt/ml/out; "
                          "touch read_only/x 2>/dev/null || echo refused; id -u");
    fs::create_directories(ml / "read_only");
    const std::string name = std::string("ml_") + id;
    spec.volumes = {{name, "/opt/ml"}, {name + "/read_only", "/opt/ml/read_only", true}};
    spec.working_directory = "/opt/ml";
    ASSERT_TRUE(compute_->run(spec));
  }
  for (const std::string id : {"a", "b"}) {
    EXPECT_EQ(listener_.wait_exit(id).exit_code, 0) << listener_.wait_exit(id).reason;
    const std::vector<std::string> lines = listener_.lines(id);
    ASSERT_EQ(lines.size(), 3u);
    EXPECT_EQ(lines[0], id);
    EXPECT_EQ(lines[1], "refused");
    if (compute_->isolation().unprivileged_user) EXPECT_GE(std::stoi(lines[2]), 200'000);
    std::string out;
    std::ifstream(directory_ / ("ml_" + id) / "out") >> out;
    EXPECT_EQ(out, id);
  }
  EXPECT_EQ(fs::exists("/opt/ml"), there_before) << "the host is littered";
}

TEST_F(ProcessComputeTest, DestinationBelowTheRootIsMadeInTheNamespaceOnly) {
  if (!compute_->isolation().mount_namespace) GTEST_SKIP() << compute_->isolation().explanation;
  const fs::path folder = make_folder("deep");
  std::ofstream(folder / "f") << "here";
  JobSpec spec = script("a", "cat /tidemill_test_root/x/f; ls /proc/self/fd > /dev/null");
  spec.volumes = {{"deep", "/tidemill_test_root/x"}};
  JobExit exit = run(spec);
  EXPECT_EQ(exit.exit_code, 0) << exit.reason;
  EXPECT_THAT(listener_.lines("a"), ElementsAre("here"));
  EXPECT_FALSE(fs::exists("/tidemill_test_root"));
}

TEST_F(ProcessComputeTest, WhatLiesInAClosedFolderCanBeMountedAndRun) {
  if (!compute_->isolation().unprivileged_user || !compute_->isolation().mount_namespace)
    GTEST_SKIP() << compute_->isolation().explanation;
  const fs::path closed = make_folder("closed");
  fs::create_directories(closed / "tools" / "bin");
  fs::copy_file("/bin/cat", closed / "tools" / "bin" / "show");
  fs::copy_file("/bin/cat", closed / "alone");
  std::ofstream(closed / "tools" / "text") << "seen\n";
  std::ofstream(closed / "secret") << "secret\n";
  fs::permissions(closed, fs::perms::owner_all);
  JobSpec spec =
      script("a", (closed / "tools/bin/show").string() + " " + (closed / "tools/text").string() +
                      "; test -e " + (closed / "secret").string() + " || echo hidden");
  spec.volumes = {{"closed/tools", closed / "tools", true}};
  JobExit exit = run(spec);
  EXPECT_EQ(exit.exit_code, 0) << exit.reason;
  EXPECT_THAT(listener_.lines("a"), ElementsAre("seen", "hidden"));
  // One of the server's own binaries, without any mount.
  spec = script("b", "");
  spec.command = {closed / "alone", "/proc/self/comm"};
  exit = run(spec);
  EXPECT_EQ(exit.exit_code, 0) << exit.reason;
}

TEST_F(ProcessComputeTest, MemoryLimitEndsTheJobAndIsNamed) {
  if (!compute_->isolation().memory_limit) GTEST_SKIP() << compute_->isolation().explanation;
  JobSpec spec = script("a", "x=$(head -c 200000000 /dev/zero | tr '\\0' x); echo ${#x}");
  spec.resources.memory_bytes_max = 50u << 20;
  JobExit exit = run(spec);
  EXPECT_TRUE(exit.out_of_memory);
  EXPECT_NE(exit.exit_code, 0);
}

TEST_F(ProcessComputeTest, UsageOfARunningJob) {
  ASSERT_TRUE(compute_->run(script("a", "echo ready; while :; do :; done")));
  listener_.wait_line("a", "ready");
  // On a busy machine the job may get CPU time late.
  Result<JobStatus> status = compute_->observe("a");
  for (int look = 0; look < 100 && status && status->cpu_seconds <= 0.05; ++look) {
    std::this_thread::sleep_for(milliseconds(100));
    status = compute_->observe("a");
  }
  ASSERT_TRUE(status);
  EXPECT_GT(status->memory_bytes, 100'000u);
  EXPECT_GT(status->cpu_seconds, 0.05);
  ASSERT_TRUE(compute_->stop("a", seconds(0)));
  listener_.wait_exit("a");
}

TEST_F(ProcessComputeTest, KilledShimIsNoticed) {
  ASSERT_TRUE(compute_->run(script("a", "echo ready; sleep 100")));
  listener_.wait_line("a", "ready");
  auto state = read_record<ShimState>(JobFiles(directory_ / "jobs" / "a").shim());
  ASSERT_TRUE(state);
  ::kill(state->pid, SIGKILL);
  JobExit exit = listener_.wait_exit("a");
  EXPECT_THAT(exit.reason, HasSubstr("supervised the job was killed"));
  EXPECT_EQ(exit.signal, SIGKILL);
}

// A server in its own process that is killed while jobs run.
TEST_F(ProcessComputeTest, JobsSurviveAKilledServer) {
  compute_->stop_watching();
  compute_.reset();
  const pid_t server = ::fork();
  if (server == 0) {
    // exec, because a fork of a threaded test program may do little else.
    ::execl("/proc/self/exe", "server", "--server", directory_.c_str(), nullptr);
    ::_exit(99);
  }
  const fs::path killed = directory_ / "told" / "killed";
  int status = 0;
  ::waitpid(server, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status)) << status;
  std::ofstream(killed) << "yes";
  open();
  EXPECT_EQ(listener_.wait_exit("lives").exit_code, 5);
  EXPECT_EQ(listener_.wait_exit("ended").exit_code, 4);
  ASSERT_TRUE(compute_->stop("stopped", seconds(1)));
  EXPECT_TRUE(listener_.wait_exit("stopped").stop_requested);
  EXPECT_TRUE(listener_.wait_exit("stopping").stop_requested);
  // "first" was acknowledged by the server that was killed.
  EXPECT_THAT(listener_.lines("lives"), ElementsAre("second", "third"));
  EXPECT_THAT(listener_.lines("ended"), ElementsAre("only"));
}

// The same without root: a user namespace if the machine allows one, else no isolation.
TEST_F(ProcessComputeTest, WorksWithoutRoot) {
  if (::geteuid() != 0) GTEST_SKIP() << "already without root";
  const pid_t child = ::fork();
  if (child == 0) {
    constexpr int kNobody = 65534;
    if (::setgid(kNobody) != 0 || ::setuid(kNobody) != 0) ::_exit(98);
    ::execl("/proc/self/exe", "test",
            "--gtest_filter=*.ExitCodes*:*.Each*:*.Stop*:*.Nothing*:*.Jobs*", "--gtest_brief=1",
            nullptr);
    ::_exit(99);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

int server_main(const fs::path& directory) {
  SystemClock clock;
  ProcessOptions options;
  options.directory = directory / "jobs";
  options.volumes_directory = directory;
  options.shim_command = {"/proc/self/exe", "shim"};
  auto compute = make_process_driver(options, clock);
  Listener listener;
  if (!compute || !(*compute)->adopt(listener)) return 1;
  fs::create_directories(directory / "told");
  const std::string told = (directory / "told").string(), killed = told + "/killed";
  const auto shell = [&told](const std::string& id, const std::string& text) {
    JobSpec spec;
    spec.id = id;
    spec.command = {"/bin/sh", "-c", text};
    spec.volumes = {{"told", told, true}};  // the job's /tmp is its own
    return spec;
  };
  (void)(*compute)->run(shell("stopped", "sleep 100"));
  (void)(*compute)->run(shell("stopping", "trap '' TERM; sleep 100; sleep 100"));
  (void)(*compute)->run(
      shell("lives", "echo first; while ! test -e " + killed +
                         "; do sleep 0.01; done; echo second; echo third; exit 5"));
  listener.wait_line("lives", "first");
  ::usleep(20'000);  // the acknowledgement follows the call
  (void)(*compute)->stop("stopping", seconds(1));
  (*compute)->stop_watching();
  (void)(*compute)->run(shell("ended", "echo only; exit 4"));
  ::raise(SIGKILL);
  return 1;
}

}  // namespace
}  // namespace tidemill::compute

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "shim")
    return tidemill::compute::shim_main(argc, argv);
  if (argc > 2 && std::string_view(argv[1]) == "--server")
    return tidemill::compute::server_main(argv[2]);
  if (argc > 1 && std::string_view(argv[1]) == "--conformance-server")
    return tidemill::compute::conformance_server_main(argc, argv);
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
