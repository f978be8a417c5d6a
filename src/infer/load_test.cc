#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "infer/testdata/parity.h"
#include "infer/xgboost/booster.h"

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
  // A file that can only be the model must load: no other is tried.
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
  // A link that leaves the model through one of its folders fails in the same way.
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

class LoadSeveral : public LoadModel {
 protected:
  void put(const std::string& name, const std::string& bundle, const std::string& entry) {
    write(name, parity::read_bundle("xgboost_model-" + bundle + ".zip").at(entry));
  }
  // The prediction of each file alone.
  std::vector<float> alone(const std::string& name, const Matrix& rows) {
    auto model = xgboost::load_booster(directory_ + "/" + name);
    return model ? (*model)->predict(rows)->values : std::vector<float>{};
  }
  std::string refusal() {
    auto model = load_model(directory_, {.combine = true});
    return model ? "" : model.error().message;
  }
  const Matrix rows_{
      3,
      5,
      {0.1f, 0.9f, 0.2f, 0.3f, 0.4f, 0.7f, 0.1f, 0.9f, 0.5f, 0.6f, 0.5f, 0.4f, 0.7f, 0.2f, 0.1f}};
};

TEST_F(LoadSeveral, Boosters_answer_with_their_mean) {
  put("xgboost-model-0", "1.7.6", "logistic.ubj.model");
  put("xgboost-model-1", "1.0.2", "logistic.json.model");
  put("xgboost-model-2", "0.90", "dart.pkl.model");
  write("metrics.json", "{\"auc\": 0.9}");
  write(".hidden", "xgboost.core");
  auto model = load_model(directory_, {.combine = true});
  ASSERT_TRUE(model) << model.error().message;
  const auto found = (*model)->predict(rows_)->values;
  const auto a = alone("xgboost-model-0", rows_), b = alone("xgboost-model-1", rows_),
             c = alone("xgboost-model-2", rows_);
  for (std::size_t i = 0; i < found.size(); ++i)
    EXPECT_EQ(found[i], (a[i] + b[i] + c[i]) / 3.0f) << i;
  EXPECT_NE(found, a);
  // When switched off, and in every other container, the first file answers.
  EXPECT_EQ((*load_model(directory_))->predict(rows_)->values, a);
}

TEST_F(LoadSeveral, Labels_are_voted_for) {
  put("a.ubj", "1.7.6", "hinge.ubj.model");
  put("b.ubj", "3.2.0", "hinge.ubj.model");
  put("c.ubj", "1.7.6", "hinge.ubj.model");
  auto model = load_model(directory_, {.combine = true});
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ((*model)->predict(rows_)->values, alone("a.ubj", rows_));
}

TEST_F(LoadSeveral, A_booster_that_does_not_load_is_not_left_out) {
  put("xgboost-model-0", "1.7.6", "logistic.ubj.model");
  write("xgboost-model-1", "cut off");
  EXPECT_THAT(refusal(), HasSubstr("xgboost-model-1: "));
  EXPECT_THAT(refusal(), HasSubstr("SAGEMAKER_INFERENCE_ENSEMBLE"));
  EXPECT_TRUE(load_model(directory_));
  put("xgboost-model-1", "1.7.6", "softprob.ubj.model");
  EXPECT_THAT(refusal(), HasSubstr("the boosters of the archive differ"));
}

TEST_F(LoadSeveral, One_booster_is_itself) {
  put("xgboost-model", "0.90", "logistic.pk0.model");
  auto model = load_model(directory_, {.combine = true});
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ((*model)->predict(rows_)->values, alone("xgboost-model", rows_));
  // A pickled model allows one missing column, not more.
  EXPECT_TRUE((*model)->predict({1, 4, {1, 2, 3, 4}}));
  EXPECT_FALSE((*model)->predict({1, 3, {1, 2, 3}}));
}

}  // namespace
}  // namespace tidemill::infer
