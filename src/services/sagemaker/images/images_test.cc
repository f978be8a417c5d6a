#include "services/sagemaker/images/images.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidemill::services::sagemaker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Images, AccountRegionAndTagDoNotMatter) {
  for (const char* uri : {"683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1",
                          "811284229777.dkr.ecr.us-east-1.amazonaws.com/xgboost:latest",
                          "sagemaker-xgboost", "localhost:5000/team/xgboost@sha256:00"}) {
    Result<Image> image = resolve_image(uri);
    ASSERT_TRUE(image) << uri;
    EXPECT_EQ(image->runtime, Runtime::xgboost) << uri;
  }
  EXPECT_EQ(resolve_image("r/sagemaker-scikit-learn:1.2-1-cpu-py3")->tag, "1.2-1-cpu-py3");
  EXPECT_EQ(
      resolve_image("763104351884.dkr.ecr.eu-west-1.amazonaws.com/pytorch-training:2.0")->runtime,
      Runtime::pytorch);
}

TEST(Images, ModelsOfSomeImagesAreOnlyServed) {
  Result<Image> image = resolve_image("382416733822.dkr.ecr.us-east-1.amazonaws.com/kmeans:1");
  ASSERT_TRUE(image);
  EXPECT_EQ(image->runtime, Runtime::served_model);
  EXPECT_FALSE(is_script_mode(*image, {}, "SAGEMAKER_PROGRAM"));
  EXPECT_TRUE(is_script_mode(*image, {{"SAGEMAKER_PROGRAM", "x.py"}}, "SAGEMAKER_PROGRAM"));
}

TEST(Images, UnknownImageNamesTheKnownOnes) {
  Result<Image> image = resolve_image("123456789012.dkr.ecr.us-east-1.amazonaws.com/mine:1");
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().code, "ValidationException");
  EXPECT_THAT(image.error().message, HasSubstr("mine:1"));
  EXPECT_THAT(image.error().message, HasSubstr("sagemaker-scikit-learn"));
  EXPECT_FALSE(resolve_image(""));
}

TEST(Images, TrainingCommands) {
  const Programs programs{"/bin/tidemill", "/env/bin/python", "/toolkit"};
  const Image xgboost = *resolve_image("xgboost:1");
  EXPECT_THAT(training_command(xgboost, programs, {{"num_round", "3"}}, {}, {}).command,
              ElementsAre("/bin/tidemill", "train", "xgboost"));
  RuntimeCommand script =
      training_command(xgboost, programs, {{"sagemaker_program", "\"a.py\""}}, {}, {});
  EXPECT_THAT(script.command, ElementsAre("/env/bin/python", "-m", "tidemill_training"));
  EXPECT_THAT(script.environment["PATH"], ::testing::StartsWith("/env/bin:"));
  EXPECT_THAT(script.folders, ElementsAre("/env", "/toolkit"));
  EXPECT_THAT(
      training_command(*resolve_image("sagemaker-scikit-learn"), programs, {}, {}, {}).command,
      ElementsAre("/env/bin/python", "-m", "tidemill_training"));
  EXPECT_THAT(training_command(xgboost, programs, {}, {"/bin/bash", "-c"}, {"echo hello"}).command,
              ElementsAre("/bin/bash", "-c", "echo hello"));
}

}  // namespace
}  // namespace tidemill::services::sagemaker
