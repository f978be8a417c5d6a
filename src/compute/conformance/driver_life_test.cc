// The life of a job: prepared, started, observed, stopped, adopted, removed.
#include <gmock/gmock.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <fstream>

#include "compute/conformance/driver_conformance.h"

namespace tidemill::compute {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

TEST_P(DriverConformance, ExitCodesSignalsAndOutput) {
  const JobExit exit = run(script("a", "echo one; echo two >&2; printf three; exit 7"));
  EXPECT_EQ(exit.exit_code, 7);
  EXPECT_EQ(exit.signal, 0);
  EXPECT_EQ(exit.reason, "");
  EXPECT_FALSE(exit.stop_requested);
  EXPECT_GE(exit.ended, exit.started);
  EXPECT_THAT(listener_->lines("a"), ElementsAre("one", "two", "three"));
  EXPECT_EQ(driver_->log_tail("a", 1000)->text, "one\ntwo\nthree\n");
  EXPECT_EQ(driver_->log_tail("a", 6)->text, "three\n");
  const JobExit killed = run(script("b", "kill -SEGV $$"));
  EXPECT_EQ(killed.signal, SIGSEGV);
  EXPECT_EQ(killed.exit_code, 128 + SIGSEGV);
  JobSpec missing = script("c", "");
  missing.command = {"no-such-program"};
  const JobExit failed = run(missing);
  EXPECT_EQ(failed.exit_code, 127);
  EXPECT_THAT(failed.reason, HasSubstr("no-such-program"));
}

TEST_P(DriverConformance, APreparedJobRunsOnlyWhenItIsStarted) {
  ASSERT_TRUE(driver_->prepare(script("a", "echo first")));
  EXPECT_EQ(driver_->observe("a")->state, JobState::prepared);
  EXPECT_FALSE(driver_->observe("a")->has_started());
  std::uint64_t offset = 0;
  EXPECT_THAT(log_from("a", offset), IsEmpty());
  // Prepared anew, it is what was asked for last.
  ASSERT_TRUE(driver_->prepare(script("a", "echo second")));
  ASSERT_TRUE(driver_->start("a"));
  EXPECT_EQ(listener_->wait_exit("a").exit_code, 0);
  EXPECT_THAT(listener_->lines("a"), ElementsAre("second"));
}

TEST_P(DriverConformance, AJobIsStartedOnce) {
  const JobSpec spec = script("a", "echo x");
  run(spec);
  EXPECT_TRUE(driver_->start("a"));
  EXPECT_TRUE(driver_->prepare(spec));
  EXPECT_TRUE(driver_->run(spec));
  EXPECT_EQ(driver_->observe("a")->state, JobState::exited);
  EXPECT_THAT(listener_->lines("a"), ElementsAre("x"));
  ASSERT_TRUE(driver_->run(script("b", "echo ready; sleep 100")));
  listener_->wait_line("b", "ready");
  EXPECT_TRUE(driver_->run(script("b", "echo ready; sleep 100")));
  EXPECT_TRUE(driver_->start("b"));
  ASSERT_TRUE(driver_->stop("b", seconds(0)));
  listener_->wait_exit("b");
  EXPECT_THAT(listener_->lines("b"), ElementsAre("ready"));
}

TEST_P(DriverConformance, UnknownAndImpossibleIds) {
  EXPECT_EQ(driver_->observe("a")->state, JobState::absent);
  EXPECT_EQ(driver_->start("a").error().code, codes::kNotFound);
  EXPECT_EQ(driver_->stop("a", seconds(1)).error().code, codes::kNotFound);
  EXPECT_EQ(driver_->log("a", 0, 100).error().code, codes::kNotFound);
  EXPECT_EQ(driver_->log_tail("a", 100).error().code, codes::kNotFound);
  EXPECT_TRUE(driver_->remove("a"));
  EXPECT_EQ(driver_->observe("a")->state, JobState::absent);
  const std::vector<std::string> ids = {"", ".hidden", "..", "a/b", "a b", std::string(129, 'a')};
  for (const std::string& id : ids) {
    EXPECT_EQ(driver_->prepare(script(id, "true")).error().code, codes::kInvalid) << id;
    EXPECT_EQ(driver_->start(id).error().code, codes::kInvalid) << id;
    EXPECT_EQ(driver_->remove(id).error().code, codes::kInvalid) << id;
  }
  JobSpec nothing = script("a", "");
  nothing.command.clear();
  EXPECT_EQ(driver_->prepare(nothing).error().code, codes::kInvalid);
  EXPECT_EQ(driver_->observe("a")->state, JobState::absent);
}

TEST_P(DriverConformance, LinesFromAnOffsetWhileItRuns) {
  write("in", "", "");
  JobSpec spec =
      script("a", "echo one; until [ -e in/go ]; do sleep 0.02; done; echo two; echo three");
  spec.volumes = {{"in", "/data/in", true, "IN"}};
  spec.command[2] = "cd ${IN:-/data/in}/..; " + spec.command[2];
  ASSERT_TRUE(driver_->run(spec));
  listener_->wait_line("a", "one");
  std::uint64_t offset = 0;
  EXPECT_THAT(log_from("a", offset), ElementsAre("one"));
  EXPECT_GT(offset, 0u);
  EXPECT_THAT(log_from("a", offset), IsEmpty());
  EXPECT_EQ(driver_->observe("a")->state, JobState::running);
  write("in", "go", "");
  EXPECT_EQ(listener_->wait_exit("a").exit_code, 0);
  // However little is asked for, there is a line.
  const Result<LogPart> part = driver_->log("a", offset, 1);
  ASSERT_TRUE(part);
  ASSERT_EQ(part->lines.size(), 1u);
  EXPECT_EQ(part->lines[0].text, "two");
  EXPECT_EQ(part->lines[0].offset, part->next);
  EXPECT_GT(part->lines[0].time.microseconds, 0);
  offset = part->next;
  EXPECT_THAT(log_from("a", offset), ElementsAre("three"));
  EXPECT_THAT(log_from("a", offset), IsEmpty());
}

TEST_P(DriverConformance, AStopIsGentleThenFirm) {
  ASSERT_TRUE(driver_->run(
      script("gentle", "trap 'echo bye; exit 3' TERM; echo ready; while :; do sleep 0.01; done")));
  listener_->wait_line("gentle", "ready");
  ASSERT_TRUE(driver_->stop("gentle", seconds(20)));
  JobExit exit = listener_->wait_exit("gentle");
  EXPECT_EQ(exit.exit_code, 3);
  EXPECT_TRUE(exit.stop_requested);
  EXPECT_EQ(listener_->lines("gentle").back(), "bye");
  ASSERT_TRUE(
      driver_->run(script("deaf", "trap '' TERM; echo ready; while :; do sleep 0.01; done")));
  listener_->wait_line("deaf", "ready");
  const auto before = std::chrono::steady_clock::now();
  ASSERT_TRUE(driver_->stop("deaf", seconds(1)));
  exit = listener_->wait_exit("deaf");
  EXPECT_GE(std::chrono::steady_clock::now() - before, std::chrono::milliseconds(900));
  EXPECT_EQ(exit.signal, SIGKILL);
  EXPECT_TRUE(exit.stop_requested);
  EXPECT_TRUE(driver_->stop("deaf", seconds(1)));  // already over: does nothing
}

TEST_P(DriverConformance, AStopForgetsWhatWasOnlyPrepared) {
  ASSERT_TRUE(driver_->prepare(script("a", "echo must not run")));
  ASSERT_TRUE(driver_->stop("a", seconds(1)));
  EXPECT_EQ(driver_->observe("a")->state, JobState::absent);
  EXPECT_EQ(driver_->start("a").error().code, codes::kNotFound);
  EXPECT_EQ(run(script("a", "exit 2")).exit_code, 2);
}

TEST_P(DriverConformance, RemovalForgetsAllButARunningJob) {
  run(script("a", "echo x"));
  ASSERT_TRUE(driver_->remove("a"));
  EXPECT_EQ(driver_->observe("a")->state, JobState::absent);
  EXPECT_EQ(driver_->log("a", 0, 100).error().code, codes::kNotFound);
  ASSERT_TRUE(driver_->prepare(script("b", "true")));
  ASSERT_TRUE(driver_->remove("b"));
  EXPECT_EQ(driver_->observe("b")->state, JobState::absent);
  ASSERT_TRUE(driver_->run(script("c", "echo ready; sleep 100")));
  listener_->wait_line("c", "ready");
  EXPECT_EQ(driver_->remove("c").error().code, codes::kConflict);
  EXPECT_EQ(driver_->observe("c")->state, JobState::running);
  ASSERT_TRUE(driver_->stop("c", seconds(0)));
  listener_->wait_exit("c");
  EXPECT_TRUE(driver_->remove("c"));
}

TEST_P(DriverConformance, TwoAtOnce) {
  for (const char* id : {"a", "b"})
    ASSERT_TRUE(driver_->run(script(id, std::string("echo ready ") + id + "; sleep 100")));
  for (const std::string id : {"a", "b"}) listener_->wait_line(id, "ready " + id);
  ASSERT_TRUE(driver_->stop("a", seconds(0)));
  EXPECT_TRUE(listener_->wait_exit("a").stop_requested);
  EXPECT_EQ(driver_->observe("b")->state, JobState::running);
  EXPECT_THAT(listener_->lines("b"), ElementsAre("ready b"));
  ASSERT_TRUE(driver_->stop("b", seconds(0)));
  listener_->wait_exit("b");
}

TEST_P(DriverConformance, LinesThatTheListenerRefusedComeAgain) {
  listener_->refuse(2);
  EXPECT_EQ(run(script("a", "echo one; echo two")).exit_code, 0);
  EXPECT_THAT(listener_->lines("a"), ElementsAre("one", "two"));
}

TEST_P(DriverConformance, JobsOfAKilledServerAreAdopted) {
  close();
  run_killed_server("jobs");
  open();
  EXPECT_EQ(driver_->observe("prepared")->state, JobState::absent);
  EXPECT_EQ(driver_->observe("lives")->state, JobState::running);
  // It ended while no server watched.
  EXPECT_EQ(listener_->wait_exit("ended").exit_code, 4);
  EXPECT_THAT(listener_->lines("ended"), ElementsAre("only"));
  ASSERT_TRUE(driver_->stop("stopped", seconds(1)));
  EXPECT_TRUE(listener_->wait_exit("stopped").stop_requested);
  write("signals", "killed", "");
  EXPECT_EQ(listener_->wait_exit("lives").exit_code, 5);
  // The server that was killed had acknowledged the first line.
  EXPECT_THAT(listener_->lines("lives"), ElementsAre("second"));
  std::uint64_t offset = 0;
  EXPECT_THAT(log_from("lives", offset), ElementsAre("first", "second"));
}

TEST_P(DriverConformance, ACrashBetweenPrepareAndStartLeavesNothing) {
  close();
  run_killed_server("prepare");
  open();
  EXPECT_EQ(driver_->observe("a")->state, JobState::absent);
  EXPECT_EQ(driver_->start("a").error().code, codes::kNotFound);
  EXPECT_EQ(run(script("a", "echo ran; exit 6")).exit_code, 6);
  EXPECT_THAT(listener_->lines("a"), ElementsAre("ran"));
}

TEST_P(DriverConformance, WhatADriverCannotDoIsRefusedByName) {
  const auto refusal = [&](auto change) {
    JobSpec spec = script("a", "true");
    change(spec);
    const Result<void> prepared = driver_->prepare(spec);
    // A driver that can do it need not refuse.
    if (prepared) EXPECT_TRUE(driver_->remove("a"));
    EXPECT_EQ(driver_->observe("a")->state, JobState::absent);
    return prepared ? std::string() : prepared.error().message;
  };
  EXPECT_THAT(refusal([](JobSpec& spec) { spec.image = "registry/image:1"; }),
              ::testing::AnyOf("", HasSubstr("registry/image:1")));
  EXPECT_THAT(refusal([](JobSpec& spec) { spec.resources.gpus = 2; }),
              ::testing::AnyOf("", HasSubstr("GPU")));
  EXPECT_THAT(refusal([](JobSpec& spec) { spec.replicas = 3; }),
              ::testing::AnyOf("", HasSubstr("replicas")));
  EXPECT_THAT(refusal([](JobSpec& spec) { spec.runtime = "no-such-runtime"; }),
              HasSubstr("no-such-runtime"));
}

INSTANTIATE_TEST_SUITE_P(Drivers, DriverConformance, ::testing::ValuesIn(drivers_under_test()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace tidemill::compute
