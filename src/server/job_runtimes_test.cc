#include "server/job_runtimes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidemill::server {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

TEST(JobRuntimes, NativeJobsNeedTheBinaryAlone) {
  const auto native = job_runtime({"/bin/tidemill", "/env/bin/python", "/toolkit"}, "native");
  ASSERT_TRUE(native);
  EXPECT_EQ(native->programs.at("tidemill"), "/bin/tidemill");
  EXPECT_FALSE(native->programs.contains("python"));
  EXPECT_THAT(native->folders, IsEmpty());
  EXPECT_THAT(native->environment, IsEmpty());
}

TEST(JobRuntimes, PythonBringsItsEnvironment) {
  const auto python = job_runtime({"/bin/tidemill", "/env/bin/python", "/toolkit"}, "python");
  ASSERT_TRUE(python);
  EXPECT_EQ(python->programs.at("python"), "/env/bin/python");
  EXPECT_EQ(python->programs.at("tidemill"), "/bin/tidemill");
  EXPECT_THAT(python->environment.at("PATH"), StartsWith("/env/bin:"));
  EXPECT_EQ(python->environment.at("PYTHONPATH"), "/toolkit");
  EXPECT_THAT(python->folders, Contains("/env"));
  EXPECT_THAT(python->folders, Contains("/toolkit"));
}

TEST(JobRuntimes, OthersAreRefusedByName) {
  EXPECT_THAT(job_runtime({}, "julia").error().message, HasSubstr("julia"));
}

}  // namespace
}  // namespace tidemill::server
