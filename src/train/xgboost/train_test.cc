#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "infer/model.h"
#include "sql/sql.h"
#include "train/xgboost/checkpoints.h"
#include "train/xgboost/metrics.h"
#include "train/xgboost/trainer.h"
#include "train/xgboost_main.h"

namespace tidemill::train::xgboost {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string error_of(const std::map<std::string, std::string>& given) {
  auto parsed = parse_hyperparameters(given);
  return parsed ? "" : parsed.error().message;
}

TEST(Hyperparameters, Messages_name_the_parameter_and_its_range) {
  EXPECT_EQ(error_of({}), "Missing required hyperparameter: num_round");
  EXPECT_EQ(error_of({{"num_round", "5"}, {"max_dept", "3"}}),
            "Extraneous hyperparameter found: max_dept");
  EXPECT_EQ(error_of({{"num_round", "0"}}), "Hyperparameter num_round: 0 is not in [1, inf)");
  EXPECT_EQ(error_of({{"num_round", "5"}, {"eta", "3"}}), "Hyperparameter eta: 3 is not in [0, 1]");
  EXPECT_EQ(error_of({{"num_round", "5"}, {"subsample", "0"}}),
            "Hyperparameter subsample: 0 is not in (0, 1]");
  EXPECT_THAT(error_of({{"num_round", "five"}}), HasSubstr("could not parse value 'five'"));
  EXPECT_THAT(error_of({{"num_round", "5"}, {"objective", "reg:magic"}}), HasSubstr("reg:magic"));
  EXPECT_THAT(error_of({{"num_round", "5"}, {"tree_method", "gpu_hist"}}), HasSubstr("GPU"));
  EXPECT_THAT(error_of({{"num_round", "5"}, {"objective", "multi:softmax"}}),
              HasSubstr("num_class"));
  EXPECT_THAT(error_of({{"num_round", "5"}, {"eval_metric", "auc,magic"}}), HasSubstr("'magic'"));
}

TEST(Hyperparameters, Accepts_what_the_SDK_sends) {
  auto parsed = parse_hyperparameters({{"num_round", "\"50\""},
                                       {"objective", "binary:logistic"},
                                       {"eval_metric", "['auc', 'error@0.7', 'f1']"},
                                       {"sagemaker_region", "us-east-1"}});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->rounds, 50);
  EXPECT_EQ(parsed->builtin_metrics, (std::vector<std::string>{"auc", "error@0.7"}));
  EXPECT_EQ(parsed->custom_metrics, std::vector<std::string>{"f1"});
  EXPECT_TRUE(larger_is_better("auc") && larger_is_better("ndcg@5") &&
              larger_is_better("f1_macro"));
  EXPECT_FALSE(larger_is_better("logloss"));
}

TEST(Hyperparameters, Are_those_of_the_containers_version) {
  const std::map<std::string, std::string> given{{"num_round", "5"}, {"silent", "0"}};
  for (const XgboostVersion version : {XgboostVersion{0, 72}, {0, 90}, {1, 0}, {1, 2}})
    EXPECT_TRUE(parse_hyperparameters(given, version)) << version.major << version.minor;
  for (const XgboostVersion version : {XgboostVersion{1, 5}, {1, 7}, kNewestXgboost})
    EXPECT_EQ(parse_hyperparameters(given, version).error().message,
              "Extraneous hyperparameter found: silent");
}

TEST(Hyperparameters, Have_the_containers_other_names) {
  const auto parsed = parse_hyperparameters({{"num_round", "5"},
                                             {"learning_rate", "0.2"},
                                             {"min_split_loss", "1"},
                                             {"reg_lambda", "2"},
                                             {"reg_alpha", "3"},
                                             {"use_dask_gpu_training", "false"}});
  ASSERT_TRUE(parsed) << parsed.error().message;
  using Pair = std::pair<std::string, std::string>;
  EXPECT_EQ(parsed->booster,
            (std::vector<Pair>{{"alpha", "3"}, {"eta", "0.2"}, {"gamma", "1"}, {"lambda", "2"}}));
  EXPECT_EQ(error_of({{"num_round", "5"}, {"eta", "0.1"}, {"learning_rate", "0.2"}}),
            "Hyperparameter learning_rate is another name of eta, which is given, too");
  EXPECT_EQ(error_of({{"num_round", "5"}, {"learning_rate", "3"}}),
            "Hyperparameter eta: 3 is not in [0, 1]");
  EXPECT_THAT(error_of({{"num_round", "5"}, {"use_dask_gpu_training", "true"}}),
              HasSubstr("is not in ['false']"));
  EXPECT_THAT(error_of({{"num_round", "5"}, {"sampling_method", "x"}}), HasSubstr("'uniform'"));
}

TEST(Metrics, As_scikit_learn_computes_them) {
  // sklearn.metrics on y = [1,1,0,0,1], prediction > 0.5 = [1,0,0,1,1].
  const std::vector<float> labels{1, 1, 0, 0, 1}, scores{0.9f, 0.2f, 0.1f, 0.7f, 0.8f};
  const std::string objective = "binary:logistic";
  const Evaluated in{labels, scores, 1, objective};
  EXPECT_NEAR(*custom_metric("accuracy", in), 0.6, 1e-12);
  EXPECT_NEAR(*custom_metric("f1_binary", in), 2.0 / 3, 1e-12);
  EXPECT_NEAR(*custom_metric("f1", in), (2.0 / 3 + 0.5) / 2, 1e-12);
  EXPECT_NEAR(*custom_metric("precision", in), 2.0 / 3, 1e-12);
  EXPECT_NEAR(*custom_metric("balanced_accuracy", in), (2.0 / 3 + 0.5) / 2, 1e-12);
  EXPECT_NEAR(*custom_metric("mse", in), (0.01 + 0.64 + 0.01 + 0.49 + 0.04) / 5, 1e-6);
}

class TrainTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/tidemill-train-XXXXXX";
    root_ = mkdtemp(pattern);
    for (const char* folder : {"input/config", "input/data/train", "model", "output"})
      fs::create_directories(root_ / folder);
    hyperparameters(
        R"({"num_round":"20","objective":"binary:logistic","eval_metric":"logloss,accuracy"})");
  }
  void TearDown() override { fs::remove_all(root_); }

  void write(const std::string& name, const std::string& text) {
    fs::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name) << text;
  }
  std::string read(const std::string& name) {
    std::ifstream file(root_ / name);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void hyperparameters(const std::string& json) {
    write("input/config/hyperparameters.json", json);
  }
  // label = x0 > 0.5, as CSV.
  static std::string rows(int from, int to) {
    std::ostringstream out;
    for (int i = from; i < to; ++i) {
      const double x = (i * 37 % 101) / 101.0, y = (i * 11 % 53) / 53.0;
      out << (x > 0.5 ? 1 : 0) << "," << x << "," << y << "\n";
    }
    return out.str();
  }
  int run() {
    ::testing::internal::CaptureStdout();
    const int code = xgboost_main(root_.string());
    log_ = ::testing::internal::GetCapturedStdout();
    return code;
  }

  fs::path root_;
  std::string log_;
};

TEST_F(TrainTest, Trains_on_csv_and_saves_a_model_that_predicts) {
  write("input/data/train/a.csv", rows(0, 100));
  write("input/data/train/b.csv", rows(100, 200));
  write("input/data/train/.hidden", "junk");
  write("input/data/validation/v.csv", rows(200, 260));
  ASSERT_EQ(run(), 0) << log_;
  EXPECT_THAT(log_, HasSubstr("[0]#011train-logloss:"));
  EXPECT_THAT(log_, HasSubstr("#011validation-accuracy:1.00000"));
  auto model = infer::load_model((root_ / "model").string());
  ASSERT_TRUE(model) << model.error().message;
  auto scores = (*model)->predict({2, 2, {0.1f, 0.5f, 0.9f, 0.5f}});
  EXPECT_LT(scores->values[0], 0.3f);
  EXPECT_GT(scores->values[1], 0.7f);
}

TEST_F(TrainTest, Trains_on_libsvm) {
  std::string text;
  for (int i = 0; i < 100; ++i)
    text +=
        std::to_string(i % 2) + " 1:" + std::to_string(i % 2) + " 7:" + std::to_string(i) + "\n";
  write("input/data/train/data.libsvm", text);
  write("input/config/inputdataconfig.json", R"({"train":{"ContentType":"text/libsvm"}})");
  ASSERT_EQ(run(), 0) << log_;
  EXPECT_EQ((*infer::load_model((root_ / "model").string()))->feature_count(), 8u);
}

TEST_F(TrainTest, Trains_on_parquet) {
  Result<std::unique_ptr<sql::Database>> database = sql::open_database();
  if (!database) GTEST_SKIP() << database.error().message;
  const std::string path = (root_ / "input/data/train/part-0.parquet").string();
  // COPY answers with a count that is no FLOAT; the file is written nevertheless.
  (void)(*database)->query_floats(
      "COPY (SELECT (i % 2)::INT AS label, i % 2 AS x, NULL::DOUBLE AS y FROM range(200) AS t(i)) "
      "TO " +
      sql::quote(path) + " (FORMAT PARQUET)");
  write("input/config/inputdataconfig.json",
        R"({"train":{"ContentType":"application/x-parquet"}})");
  ASSERT_EQ(run(), 0) << log_;
  EXPECT_EQ((*infer::load_model((root_ / "model").string()))->feature_count(), 2u);
  write("input/config/inputdataconfig.json", "{}");
  ASSERT_EQ(run(), 0) << log_;  // its first bytes say what it is
  write("input/data/train/part-1.parquet", "PAR1 but broken");
  EXPECT_EQ(run(), 1);
  EXPECT_THAT(read("output/failure"), HasSubstr("train/part-1.parquet: "));
}

TEST_F(TrainTest, Broken_csv_names_file_row_and_column) {
  write("input/data/train/part.csv", rows(0, 10) + "1,0.5,abc\n");
  EXPECT_EQ(run(), 1);
  EXPECT_EQ(read("output/failure"),
            "ClientError: train/part.csv: row 11, column 3: 'abc' is not a number");
  write("input/data/train/part.csv", "churn,x,y\n" + rows(0, 10));
  EXPECT_EQ(run(), 1);
  EXPECT_THAT(read("output/failure"), HasSubstr("must have no header line"));
  write("input/data/train/part.csv", rows(0, 10) + ",1,2\n");
  EXPECT_EQ(run(), 1);
  EXPECT_THAT(read("output/failure"), HasSubstr("row 11, column 1: the label is missing"));
}

TEST_F(TrainTest, Labels_that_do_not_fit_the_objective_are_the_clients_error) {
  write("input/data/train/part.csv", "7,1,2\n3,4,5\n");
  EXPECT_EQ(run(), 1);
  EXPECT_THAT(read("output/failure"), StartsWith("ClientError: "));
  EXPECT_THAT(read("output/failure"), HasSubstr("label"));
}

TEST_F(TrainTest, Channels_that_are_missing_or_empty_or_differ) {
  EXPECT_EQ(run(), 1);
  EXPECT_THAT(read("output/failure"), HasSubstr("channel 'train'"));
  write("input/data/train/a.csv", rows(0, 10));
  write("input/data/validation/v.csv", "1,2,3,4\n");
  EXPECT_EQ(run(), 1);
  EXPECT_THAT(read("output/failure"), HasSubstr("'validation' has 3 features, but 'train' has 2"));
}

TEST_F(TrainTest, Early_stopping_keeps_the_best_round) {
  hyperparameters(R"({"num_round":"200","objective":"binary:logistic","eval_metric":"logloss",
                      "early_stopping_rounds":"3","eta":"1","max_depth":"6","min_child_weight":"0"})");
  write("input/data/train/a.csv", rows(0, 40));
  std::string noise;  // labels turned around: the validation loss rises soon
  for (int i = 0; i < 40; ++i)
    noise += std::to_string(i % 2) + "," + std::to_string(i % 3 / 3.0) + ",0\n";
  write("input/data/validation/v.csv", noise);
  ASSERT_EQ(run(), 0) << log_;
  EXPECT_THAT(log_, HasSubstr("Stopping. Best iteration: ["));
}

TEST_F(TrainTest, Csv_weights) {
  hyperparameters(R"({"num_round":"5","csv_weights":"1"})");
  write("input/data/train/a.csv", "1,0.5,3,4\n0,2,5,6\n");
  ASSERT_EQ(run(), 0) << log_;
  EXPECT_EQ((*infer::load_model((root_ / "model").string()))->feature_count(), 2u);
}

TEST_F(TrainTest, Resumes_from_its_checkpoints_and_keeps_the_last_five) {
  fs::create_directories(root_ / "checkpoints");
  write("input/data/train/a.csv", rows(0, 100));
  ASSERT_EQ(run(), 0) << log_;
  EXPECT_EQ(latest_checkpoint(root_ / "checkpoints")->round, 19);
  EXPECT_EQ(std::distance(fs::directory_iterator(root_ / "checkpoints"), {}), kCheckpointsKept);
  hyperparameters(R"({"num_round":"22","objective":"binary:logistic"})");
  ASSERT_EQ(run(), 0) << log_;
  EXPECT_THAT(log_, HasSubstr("Resuming from checkpoint xgboost-checkpoint.19"));
  EXPECT_THAT(log_, ::testing::Not(HasSubstr("[19]")));
  EXPECT_THAT(log_, HasSubstr("[21]"));
}

TEST_F(TrainTest, A_stop_saves_the_model_so_far) {
  Training training;
  training.parameters = *parse_hyperparameters({{"num_round", "1000000"}});
  write("input/data/train/a.csv", rows(0, 100));
  training.train = *read_channel("train", root_ / "input/data/train", {});
  training.model_file = root_ / "model/xgboost-model";
  int asked = 0;
  training.stop_requested = [&] { return ++asked > 3; };
  ASSERT_TRUE(run_training(training));
  EXPECT_TRUE(infer::load_model((root_ / "model").string()));
  EXPECT_EQ(asked, 4);
}

TEST_F(TrainTest, A_label_size_that_is_not_one_is_refused) {
  write("input/data/train/a.csv", rows(0, 50));
  for (const char* type : {"text/csv;label_size=0", "csv; label_size = 2"}) {
    write("input/config/inputdataconfig.json",
          std::string(R"({"train":{"ContentType":")") + type + "\"}}");
    EXPECT_EQ(run(), 1);
    EXPECT_THAT(read("output/failure"), HasSubstr("label_size must be equal to 1"));
  }
  write("input/config/inputdataconfig.json",
        R"({"train":{"ContentType":"text/csv; label_size=1; charset=utf8"}})");
  EXPECT_EQ(run(), 0) << log_;
}

TEST_F(TrainTest, An_infinity_is_the_datas_fault_and_shows_no_frames) {
  write("input/data/train/a.csv", rows(0, 50) + "1,inf,0.5\n");
  EXPECT_EQ(run(), 1);
  EXPECT_THAT(read("output/failure"), StartsWith("ClientError: "));
  EXPECT_THAT(read("output/failure"), HasSubstr("Input data contains `inf`"));
  EXPECT_THAT(read("output/failure"), ::testing::Not(HasSubstr("[bt]")));
}

}  // namespace
}  // namespace tidemill::train::xgboost
