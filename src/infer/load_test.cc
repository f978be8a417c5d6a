#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "infer/testdata/parity.h"

namespace tidemill::infer {
namespace {

using ::testing::HasSubstr;

class LoadModel : public ::testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/tidemill-load-XXXXXX";
    directory_ = mkdtemp(pattern);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  void write(const std::string& name, const std::string& bytes) {
    std::ofstream(directory_ + "/" + name, std::ios::binary) << bytes;
  }
  std::string objective() {
    auto model = load_model(directory_);
    return model ? (*model)->objective() : model.error().message;
  }

  std::string directory_;
};

TEST_F(LoadModel, Tells_formats_by_what_files_say) {
  const auto lightgbm = parity::read_bundle("lightgbm-4.7.0.zip");
  const auto catboost = parity::read_bundle("catboost-1.2.10.zip");
  const auto onnx = parity::read_bundle("onnx_ml-1.17.0.zip");
  const auto linear = parity::read_bundle("linear-1.9.1.zip");
  struct Case {
    const char* name;
    const std::string& bytes;
    const char* objective;
  };
  for (const Case& each : {Case{"model.txt", lightgbm.at("binary.model"), "binary:logistic"},
                           Case{"churn.lgb.txt", lightgbm.at("poisson.model"), "count:poisson"},
                           Case{"xgboost-model", lightgbm.at("multiclass.model"), "multi:softprob"},
                           Case{"model.json", catboost.at("multiclass.model"), "multi:softprob"},
                           Case{"model.onnx", onnx.at("forest.model"), "binary:logistic"},
                           Case{"model.bin", onnx.at("tree_regressor.model"), "reg:squarederror"},
                           Case{"model_algo-1", linear.at("kmeans.model"), "kmeans"},
                           Case{"model_algo-1", linear.at("binary.model"), "binary:logistic"}}) {
    write(each.name, each.bytes);
    EXPECT_EQ(objective(), each.objective) << each.name;
    std::filesystem::remove(directory_ + "/" + each.name);
  }
}

TEST_F(LoadModel, A_surer_name_comes_first) {
  write("a-metrics.json", "{}");
  write("model.txt", parity::read_bundle("lightgbm-4.7.0.zip").at("binary.model"));
  EXPECT_EQ(objective(), "binary:logistic");
  // A file that can only be the model is the model: no other is tried.
  write("model_algo-1", "broken");
  EXPECT_THAT(objective(), HasSubstr("model_algo-1: "));
  EXPECT_THAT(objective(), ::testing::Not(HasSubstr("model.txt")));
}

TEST_F(LoadModel, Says_of_each_file_why_it_is_none) {
  EXPECT_THAT(objective(), HasSubstr("no file xgboost-model"));
  write("model.cbm", "CBM1....");
  write("model.onnx", "nonsense");
  write("model.txt", "tree\nversion=v9\nTree=0\n");
  const std::string message = objective();
  EXPECT_THAT(message, HasSubstr("model.cbm: CatBoost's binary format"));
  EXPECT_THAT(message, HasSubstr("model.onnx: "));
  EXPECT_THAT(message, HasSubstr("model.txt: the text model's version is 'v9'"));
}

TEST_F(LoadModel, Links_count_when_they_stay_in_the_folder) {
  const std::string model = parity::read_bundle("lightgbm-4.7.0.zip").at("binary.model");
  const std::string outside = directory_ + "-outside";
  std::ofstream(outside, std::ios::binary) << model;
  std::filesystem::create_symlink(outside, directory_ + "/xgboost-model");
  EXPECT_THAT(objective(), HasSubstr("no file xgboost-model"));
  // As does one that leaves by way of a folder of the model's.
  std::filesystem::create_directories(directory_ + "/deep");
  std::filesystem::create_symlink("deep/../" + ("../" + outside.substr(outside.rfind('/') + 1)),
                                  directory_ + "/model.txt");
  EXPECT_THAT(objective(), HasSubstr("no file xgboost-model"));
  std::filesystem::remove(directory_ + "/model.txt");
  write("deep/weights", model);
  std::filesystem::create_symlink("deep/weights", directory_ + "/model.txt");
  EXPECT_EQ(objective(), "binary:logistic");
  std::filesystem::remove(outside);
}

}  // namespace
}  // namespace tidemill::infer
