#include "services/sagemaker/hosting/fleet/model_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace tidemill::services::sagemaker::hosting {
namespace {

using ::testing::HasSubstr;

// Stands for the program: a shell script that ends as the test wants.
class ModelCheck : public ::testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/tidemill-check-XXXXXX";
    folder_ = mkdtemp(pattern);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  Result<void> run(const std::string& script) {
    const std::string program = folder_ + "/program";
    std::ofstream(program) << "#!/bin/sh\n" << script << "\n";
    ::chmod(program.c_str(), 0755);
    return check_model_apart(program, "/some/model");
  }
  std::string folder_;
};

TEST_F(ModelCheck, Passes_the_folder_and_takes_zero_for_good) {
  EXPECT_TRUE(run("[ \"$1 $2\" = 'check-model /some/model' ]"));
}

TEST_F(ModelCheck, Says_what_the_process_says) {
  auto result = run("echo 'no file xgboost-model'; exit 1");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, codes::kInvalid);
  EXPECT_THAT(result.error().message, HasSubstr("no file xgboost-model"));
}

TEST_F(ModelCheck, A_process_that_crashes_is_a_damaged_model) {
  auto result = run("kill -SEGV $$");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, codes::kInvalid);
  EXPECT_THAT(result.error().message, HasSubstr("damaged"));
}

TEST_F(ModelCheck, A_program_that_is_not_there_is_our_fault) {
  EXPECT_EQ(check_model_apart(folder_ + "/none", "/some/model").error().code, codes::kIo);
}

}  // namespace
}  // namespace tidemill::services::sagemaker::hosting
