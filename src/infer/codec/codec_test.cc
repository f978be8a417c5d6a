#include "infer/codec/codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "infer/codec/media_type.h"

namespace tidemill::infer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class FakeModel : public Model {
 public:
  explicit FakeModel(std::string objective, std::size_t classes = 0)
      : objective_(std::move(objective)), classes_(classes) {}
  Result<void> predict_rows(const float*, std::size_t, float*) const override { return {}; }
  std::size_t feature_count() const override { return 2; }
  std::size_t output_columns() const override { return 1; }
  std::size_t memory_bytes() const override { return 0; }
  const std::string& objective() const override { return objective_; }
  std::size_t class_count() const override { return classes_; }

 private:
  std::string objective_;
  std::size_t classes_;
};

TEST(DecodeRows, Csv) {
  auto rows = decode_rows("text/csv; charset=utf-8", "1,2.5,-3e2\r\n4,,6\n\n", 3);
  ASSERT_TRUE(rows);
  EXPECT_EQ(rows->rows, 2u);
  EXPECT_EQ(rows->columns, 3u);
  EXPECT_EQ(rows->values[2], -300.0f);
  EXPECT_TRUE(std::isnan(rows->values[4]));
}

TEST(DecodeRows, Csv_names_the_row_and_the_column) {
  auto rows = decode_rows("text/csv", "1,2\n3,4\n5,abc\n", 2);
  ASSERT_FALSE(rows);
  EXPECT_EQ(rows.error().http_status, 415);
  EXPECT_THAT(rows.error().message, HasSubstr("row 3, column 2: 'abc' is not a number"));
  rows = decode_rows("text/csv", "1,2\n3\n", 2);
  ASSERT_FALSE(rows);
  EXPECT_THAT(rows.error().message, HasSubstr("row 2 has 1 columns"));
}

TEST(DecodeRows, Csv_of_other_delimiters_and_quotes) {
  EXPECT_THAT(decode_rows("text/csv", "1;2\n", 2)->values, ElementsAre(1, 2));
  EXPECT_THAT(decode_rows("", "\"1\", 2 ,+3,1e-60", 4)->values, ElementsAre(1, 2, 3, 0));
}

TEST(DecodeRows, Json_in_each_of_its_forms) {
  for (const char* body : {"[[1,2],[3,4]]", R"({"instances":[[1,2],[3,4]]})",
                           R"({"instances":[{"features":[1,2]},{"features":[3,4]}]})",
                           R"({"instances":[{"data":{"features":{"values":[1,2]}}},[3,4.0]]})"}) {
    auto rows = decode_rows("application/json", body, 2);
    ASSERT_TRUE(rows) << body << rows.error().message;
    EXPECT_EQ(rows->rows, 2u);
    EXPECT_THAT(rows->values, ElementsAre(1, 2, 3, 4));
  }
  EXPECT_EQ(decode_rows("application/json", "[1,2]", 2)->rows, 1u);
  EXPECT_EQ(decode_rows("application/json", R"({"features":[1,2]})", 2)->rows, 1u);
  EXPECT_TRUE(std::isnan(decode_rows("application/json", "[1,null]", 2)->values[1]));
}

TEST(DecodeRows, Json_names_the_row_and_the_column) {
  auto rows = decode_rows("application/json", R"([[1,2],[3,"x"]])", 2);
  ASSERT_FALSE(rows);
  EXPECT_THAT(rows.error().message, HasSubstr(R"(row 2, column 2: "x" is not a number)"));
  EXPECT_FALSE(decode_rows("application/json", "{", 2));
  EXPECT_FALSE(decode_rows("application/json", "3", 2));
  for (const char* body : {"[[1,2],[3,oops]]", R"({"instances":[[1,2],[3,)",
                           R"([{"features":[1,2]},{"features":[3,01]}])"})
    EXPECT_THAT(decode_rows("application/json", body, 2).error().message,
                HasSubstr("row 2, column 2: not valid JSON"))
        << body;
  EXPECT_THAT(decode_rows("application/json", "[[1,2", 2).error().message,
              HasSubstr("row 1, column 2: not valid JSON"));
  EXPECT_THAT(decode_rows("application/jsonlines", "[1,2]\n\n[3,4", 2).error().message,
              HasSubstr("line 3: row 2, column 2: not valid JSON"));
  const std::string long_text = "[[1,\"" + std::string(100'000, 'x') + "\"]]";
  EXPECT_LT(decode_rows("application/json", long_text, 2).error().message.size(), 300u);
}

// A parsed document takes many times its text, so large bodies must be plain rows.
TEST(DecodeRows, Large_json_is_plain_rows) {
  std::string large = "[";
  while (large.size() < 17u << 20) large += "[0.12345678, 12345678.25],\n";
  EXPECT_TRUE(decode_rows("application/json", large + "[1,2]]", 2));
  EXPECT_THAT(decode_rows("application/json", large + R"([1,"x"]])", 2).error().message,
              HasSubstr("column 2: JSON of more than 16 MiB must be lists of numbers"));
}

TEST(DecodeRows, JsonLines) {
  auto rows = decode_rows("application/jsonlines", "{\"features\":[1,2]}\n[3,4]\n", 2);
  ASSERT_TRUE(rows);
  EXPECT_THAT(rows->values, ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(decode_rows("application/jsonlines", "[1]\nx\n", 1).error().message,
              HasSubstr("line 2"));
}

TEST(DecodeRows, Libsvm_fills_with_missing_values) {
  auto rows = decode_rows("text/libsvm", "1 0:0.5 2:2\n1:7\n", 4);
  ASSERT_TRUE(rows);
  EXPECT_EQ(rows->columns, 4u);
  EXPECT_EQ(rows->values[0], 0.5f);
  EXPECT_TRUE(std::isnan(rows->values[1]));
  EXPECT_EQ(rows->values[5], 7.0f);
  EXPECT_FALSE(decode_rows("text/libsvm", "1 a:1\n", 4));
  EXPECT_THAT(decode_rows("text/libsvm", "1 0:1\n\n1 4294967295:1\n1 7:1\n", 4).error().message,
              HasSubstr("row 3 names the column 4294967295, but the model's columns are 0 to 3"));
}

std::string npy(const std::string& header, const std::string& data) {
  std::string out("\x93NUMPY\x01\x00", 8);
  out += static_cast<char>(header.size());
  out += '\0';
  return out + header + data;
}

TEST(DecodeRows, Npy) {
  const double numbers[] = {1, 2, 3, 4, 5, 6};
  std::string data(reinterpret_cast<const char*>(numbers), sizeof numbers);
  auto rows =
      decode_rows("application/x-npy",
                  npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }\n", data), 3);
  ASSERT_TRUE(rows) << rows.error().message;
  EXPECT_THAT(rows->values, ElementsAre(1, 2, 3, 4, 5, 6));
  rows = decode_rows("application/x-npy",
                     npy("{'descr': '<f8', 'fortran_order': True, 'shape': (2, 3), }\n", data), 3);
  EXPECT_THAT(rows->values, ElementsAre(1, 3, 5, 2, 4, 6));
  EXPECT_EQ(decode_rows("application/x-npy",
                        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (6,), }\n", data), 6)
                ->rows,
            1u);
  EXPECT_THAT(
      decode_rows("application/x-npy",
                  npy("{'descr': '<f8', 'fortran_order': False, 'shape': (9, 9), }\n", data), 9)
          .error()
          .message,
      HasSubstr("cut off"));
  EXPECT_THAT(
      decode_rows("application/x-npy",
                  npy("{'descr': '|O', 'fortran_order': False, 'shape': (1, 1), }\n", data), 1)
          .error()
          .message,
      HasSubstr("not supported"));
  EXPECT_FALSE(decode_rows("application/x-npy", "junk", 1));
  EXPECT_THAT(
      decode_rows(
          "application/x-npy",
          npy("{'descr': '<f8', 'fortran_order': True, 'shape': (9223372036854775807, 0), }\n", ""),
          1)
          .error()
          .message,
      HasSubstr("empty"));
}

TEST(DecodeRows, Unknown_content_type) {
  auto rows = decode_rows("image/png", "x", 2);
  ASSERT_FALSE(rows);
  EXPECT_EQ(rows.error().http_status, 415);
}

TEST(DecodeRows, Label_size_must_be_one_where_the_container_says_so) {
  const RequestOptions xgboost{.label_size_must_be_one = true};
  for (const char* type :
       {"text/csv; label_size=0", "csv;label_size = 5", "text/csv;LABEL_SIZE=0"}) {
    auto rows = decode_rows(type, "1,2", 2, xgboost);
    ASSERT_FALSE(rows) << type;
    EXPECT_EQ(rows.error().http_status, 415);
    EXPECT_THAT(rows.error().message, HasSubstr("label_size must be equal to 1"));
    EXPECT_TRUE(decode_rows(type, "1,2", 2)) << type;
  }
  EXPECT_TRUE(decode_rows("text/csv; label_size=1; charset=utf-8", "1,2", 2, xgboost));
  EXPECT_EQ(media_parameter("text/csv; a=\"1\"; a=2", "a"), "2");
  EXPECT_EQ(media_parameter("text/csv", "a"), std::nullopt);
}

TEST(DecodeRows, Infinities_are_refused_where_the_container_says_so) {
  const RequestOptions xgboost{.finite_only = true};
  for (const char* body : {"1,inf", "1,1e39", "1,-1e39", "1,-Infinity"}) {
    auto rows = decode_rows("text/csv", std::string("1,nan\n") + body, 2, xgboost);
    ASSERT_FALSE(rows) << body;
    EXPECT_EQ(rows.error().http_status, 415);
    EXPECT_THAT(rows.error().message, HasSubstr("row 2, column 2: the value is infinite"));
    EXPECT_TRUE(decode_rows("text/csv", body, 2)) << body;
  }
  EXPECT_TRUE(decode_rows("text/csv", "nan,3.4e38\n,1", 2, xgboost));
  EXPECT_FALSE(decode_rows("text/libsvm", "0:1e39", 2, xgboost));
}

TEST(EncodePredictions, In_the_forms_of_the_versions) {
  const Predictions scores{2, 1, {0.5f, 0.25f}}, classes{2, 2, {0.5f, 0.5f, 0.25f, 0.75f}};
  const FakeModel model("multi:softprob");
  auto body = [&](const Predictions& predictions, const char* accept, ResponseOptions options) {
    return encode_predictions(predictions, model, accept, options)->body;
  };
  EXPECT_EQ(body(scores, "text/csv", {}), "0.5,0.25");
  EXPECT_EQ(body(classes, "text/csv", {}), "[0.5, 0.5],[0.25, 0.75]");
  EXPECT_EQ(body(scores, "text/csv", {.csv_lines = true}), "0.5\n0.25\n");
  EXPECT_EQ(body(classes, "text/csv", {.csv_lines = true}), "0.5,0.5\n0.25,0.75\n");
  EXPECT_EQ(body(classes, "text/csv", {.one_per_line = true, .csv_lines = true}),
            "[0.5, 0.5]\n[0.25, 0.75]\n");
  const ResponseOptions many{.default_accept = "application/json", .plain_json = true};
  EXPECT_EQ(body(scores, "*/*", many), "[0.5, 0.25]");
  EXPECT_EQ(body(classes, "application/json", many), "[[0.5, 0.5], [0.25, 0.75]]");
  EXPECT_EQ(body(scores, "text/csv", many), "0.5,0.25");
}

TEST(EncodePredictions, As_the_container_does) {
  FakeModel model("binary:logistic");
  Predictions scores{2, 1, {0.5f, 0.1f}};
  EXPECT_EQ(encode_predictions(scores, model, "", {})->body, "0.5,0.10000000149011612");
  EXPECT_EQ(encode_predictions(scores, model, "*/*", {.one_per_line = true})->body,
            "0.5\n0.10000000149011612\n");
  EXPECT_EQ(encode_predictions(scores, model, "application/json", {})->body,
            R"({"predictions": [{"score": 0.5}, {"score": 0.10000000149011612}]})");
  EXPECT_EQ(encode_predictions(scores, model, "application/jsonlines", {})->body,
            "{\"score\": 0.5}\n{\"score\": 0.10000000149011612}\n");
  EXPECT_EQ(encode_predictions(scores, model, "image/png", {}).error().http_status, 406);
  Predictions classes{1, 2, {0.25f, 1.0f}};
  EXPECT_EQ(encode_predictions(classes, model, "text/csv", {})->body, "[0.25, 1.0]");
}

class ShapedModel final : public FakeModel {
 public:
  explicit ShapedModel(AnswerShape shape) : FakeModel("k-means"), shape_(std::move(shape)) {}
  const AnswerShape* answer_shape() const override { return &shape_; }

 private:
  AnswerShape shape_;
};

// The shapes of "K-Means", "PCA" and "Linear learner response formats" in SageMaker's guide.
TEST(EncodePredictions, Shaped_as_the_model_says) {
  ShapedModel clusters({"predictions", {{"closest_cluster", 0, 1}, {"distance_to_cluster", 1, 1}}});
  const Predictions near{2, 2, {1, 3, 2, 5}};
  EXPECT_EQ(encode_predictions(near, clusters, "application/json", {})->body,
            R"({"predictions": [{"closest_cluster": 1.0, "distance_to_cluster": 3.0}, )"
            R"({"closest_cluster": 2.0, "distance_to_cluster": 5.0}]})");
  EXPECT_EQ(encode_predictions(near, clusters, "application/jsonlines", {})->body,
            "{\"closest_cluster\": 1.0, \"distance_to_cluster\": 3.0}\n"
            "{\"closest_cluster\": 2.0, \"distance_to_cluster\": 5.0}\n");
  EXPECT_EQ(encode_predictions(near, clusters, "text/csv", {})->body, "1.0,3.0\n2.0,5.0\n");
  ShapedModel projection({"projections", {{"projection", 0, 1, true}}});
  EXPECT_EQ(encode_predictions({1, 1, {1}}, projection, "application/json", {})->body,
            R"({"projections": [{"projection": [1.0]}]})");
  ShapedModel classes({"predictions", {{"score", 0, 2}, {"predicted_label", 2, 1, false, true}}});
  EXPECT_EQ(
      encode_predictions({1, 3, {0.25f, 0.75f, 1}}, classes, "application/jsonlines", {})->body,
      "{\"score\": [0.25, 0.75], \"predicted_label\": 1}\n");
}

TEST(EncodePredictions, Selected_output) {
  FakeModel model("binary:logistic");
  ResponseOptions options{.output_keys = {"predicted_label", "probabilities"}};
  Predictions scores{1, 1, {0.75f}};
  EXPECT_EQ(encode_predictions(scores, model, "application/json", options)->body,
            R"({"predictions": [{"predicted_label": 1, "probabilities": [0.25, 0.75]}]})");
  EXPECT_EQ(encode_predictions(scores, model, "text/csv", options)->body, "1,\"[0.25, 0.75]\"");
  Predictions two{2, 1, {0.75f, 0.25f}};
  EXPECT_EQ(encode_predictions(two, model, "text/csv", options)->body,
            "1,\"[0.25, 0.75]\"\n0,\"[0.75, 0.25]\"");
  options.one_per_line = true;
  EXPECT_EQ(encode_predictions(scores, model, "text/csv", options)->body, "1,\"[0.25, 0.75]\"\n");
  options.one_per_line = false;
  const ResponseOptions regression{.output_keys = {"predicted_score", "predicted_label"}};
  EXPECT_EQ(
      encode_predictions(scores, FakeModel("reg:gamma"), "application/json", regression)->body,
      R"({"predictions": [{"predicted_score": 0.75, "predicted_label": NaN}]})");
  FakeModel multi("multi:softprob", 3);
  Predictions three{1, 3, {0.25f, 0.5f, 0.25f}};
  options.output_keys = {"predicted_label", "labels", "probability"};
  EXPECT_EQ(encode_predictions(three, multi, "application/jsonlines", options)->body,
            "{\"predicted_label\": 1, \"labels\": [0, 1, 2], \"probability\": 0.5}\n");
  options.output_keys = {"nonsense"};
  EXPECT_FALSE(encode_predictions(three, multi, "text/csv", options));
}

}  // namespace
}  // namespace tidemill::infer
