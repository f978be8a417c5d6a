#include "compute/job_listeners.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidemill::compute {
namespace {

using ::testing::ElementsAre;

class Named final : public JobListener {
 public:
  void job_exited(const std::string& id, const JobExit& exit) override {
    told.push_back(id + " exited " + std::to_string(exit.exit_code));
  }
  bool job_logged(const std::string& id, const std::vector<LogLine>& lines) override {
    told.push_back(id + " said " + lines.front().text);
    return takes_lines;
  }
  std::vector<std::string> told;
  bool takes_lines = true;
};

TEST(JobListeners, TheOwnerOfThePrefixAloneIsTold) {
  Named training, transform;
  JobListeners listeners;
  listeners.add("training.", training);
  listeners.add("transform.", transform);
  JobExit exit;
  exit.exit_code = 3;
  listeners.job_exited("training.a", exit);
  EXPECT_TRUE(listeners.job_logged("transform.b", {{{}, "hello", 0}}));
  EXPECT_THAT(training.told, ElementsAre("training.a exited 3"));
  EXPECT_THAT(transform.told, ElementsAre("transform.b said hello"));
  transform.takes_lines = false;
  EXPECT_FALSE(listeners.job_logged("transform.b", {{{}, "again", 0}}));
}

TEST(JobListeners, LinesOfJobsWithoutAnOwnerAreDropped) {
  JobListeners listeners;
  EXPECT_TRUE(listeners.job_logged("unknown.a", {{{}, "hello", 0}}));
  listeners.job_exited("unknown.a", {});
}

TEST(JobListenersDeathTest, AJobHasOneOwner) {
  Named listener;
  JobListeners listeners;
  listeners.add("training.", listener);
  EXPECT_DEATH(listeners.add("training.special.", listener), "prefix");
  EXPECT_DEATH(listeners.add("train", listener), "prefix");
}

}  // namespace
}  // namespace tidemill::compute
