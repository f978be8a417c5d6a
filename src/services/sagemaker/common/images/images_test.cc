#include "services/sagemaker/common/images/images.h"

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
  EXPECT_THAT(image.error().message, HasSubstr("names for hosting"));
  EXPECT_THAT(image.error().message, HasSubstr("sagemaker-scikit-learn"));
  EXPECT_THAT(image.error().message, HasSubstr("kmeans"));
  EXPECT_THAT(image.error().message, HasSubstr("does not run container images"));
  EXPECT_THAT(image.error().message, HasSubstr("code/inference.py"));
  EXPECT_FALSE(resolve_image(""));
}

TEST(Images, TrainingCommands) {
  const Image xgboost = *resolve_image("xgboost:1");
  const RuntimeCommand native = training_command(xgboost, {{"num_round", "3"}}, {}, {});
  EXPECT_EQ(native.runtime, kNativeRuntime);
  EXPECT_THAT(native.command, ElementsAre("tidemill", "train", "xgboost"));
  EXPECT_EQ(native.environment.at("TIDEMILL_XGBOOST_VERSION"), "0.72");
  const RuntimeCommand script =
      training_command(xgboost, {{"sagemaker_program", "\"a.py\""}}, {}, {});
  EXPECT_EQ(script.runtime, kPythonRuntime);
  EXPECT_THAT(script.command, ElementsAre("python", "-m", "tidemill_training"));
  EXPECT_THAT(training_command(*resolve_image("sagemaker-scikit-learn"), {}, {}, {}).command,
              ElementsAre("python", "-m", "tidemill_training"));
  const RuntimeCommand own = training_command(xgboost, {}, {"/bin/bash", "-c"}, {"echo hello"});
  EXPECT_EQ(own.runtime, kPythonRuntime);
  EXPECT_THAT(own.command, ElementsAre("/bin/bash", "-c", "echo hello"));
}

TEST(Images, ThePythonEnvironment) {
  PythonEnvironment python = python_environment({"/bin/tidemill", "/env/bin/python", "/toolkit"});
  EXPECT_THAT(python.variables["PATH"], ::testing::StartsWith("/env/bin:"));
  EXPECT_THAT(python.folders, ElementsAre("/env", "/toolkit"));
}

TEST(Images, AnEntrypointOfThisMachineRunsInPlaceOfAnUnknownImage) {
  const Programs programs{"/bin/tidemill", "/env/bin/python", "/toolkit"};
  const char* const uri = "123456789012.dkr.ecr.us-east-1.amazonaws.com/mine:1";
  for (const char* program : {"/bin/sh", "sh", "/opt/ml/input/data/code/train.sh"}) {
    Result<Image> image = resolve_training_image(uri, {program, "-c"}, programs);
    ASSERT_TRUE(image) << program;
    EXPECT_EQ(image->runtime, Runtime::host_program);
    EXPECT_EQ(image->repository, "mine");
    EXPECT_THAT(training_command(*image, {}, {program, "-c"}, {"x"}).command,
                ElementsAre(program, "-c", "x"));
  }
  Result<Image> absent = resolve_training_image(uri, {"/usr/bin/no-such-program"}, programs);
  ASSERT_FALSE(absent);
  EXPECT_THAT(absent.error().message, HasSubstr("'/usr/bin/no-such-program' is no program"));
  Result<Image> none = resolve_training_image(uri, {}, programs);
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().message, HasSubstr("ContainerEntrypoint"));
  // Both messages list the images that train, and no others.
  for (const std::string& message : {absent.error().message, none.error().message})
    EXPECT_THAT(message, HasSubstr("names for training, whatever their registry, region and tag: "
                                   "sagemaker-xgboost, xgboost, sagemaker-scikit-learn, "
                                   "pytorch-training, pytorch-inference, pytorch."));
  EXPECT_EQ(resolve_training_image("xgboost:1", {"/no/such"}, programs)->runtime, Runtime::xgboost);
}

TEST(Images, VersionsOfXgboost) {
  const auto version = [](const char* uri) { return xgboost_version(*resolve_image(uri)).text(); };
  EXPECT_EQ(version("r/sagemaker-xgboost:1.7-1"), "1.7");
  EXPECT_EQ(version("r/sagemaker-xgboost:0.90-2-cpu-py3"), "0.90");
  EXPECT_EQ(version("r/sagemaker-xgboost:3.0-5"), "3.0");
  EXPECT_EQ(version("r/sagemaker-xgboost"), "3.0");
  EXPECT_EQ(version("r/xgboost:latest"), "0.72");
  EXPECT_EQ(version("r/xgboost:1"), "0.72");
}

}  // namespace
}  // namespace tidemill::services::sagemaker
