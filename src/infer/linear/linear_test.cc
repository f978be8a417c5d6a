#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "infer/codec/codec.h"
#include "infer/linear/built_in_model.h"
#include "infer/linear/ndarray.h"
#include "infer/testdata/parity.h"

namespace tidemill::infer::linear {
namespace {

using ::testing::HasSubstr;

constexpr const char* kBundle = "linear-1.9.1.zip";

TEST(BuiltInModels, Predict_what_MXNet_does) {
  const auto files = parity::read_bundle(kBundle);
  EXPECT_EQ(files.size(), 7u * 2);
  const Matrix rows = parity::make_rows(false);
  for (const auto& [file, bytes] : files) {
    if (!file.ends_with(".model")) continue;
    const std::string name = file.substr(0, file.size() - 6);
    EXPECT_TRUE(looks_like_model(bytes)) << name;
    auto model = load_model(bytes);
    ASSERT_TRUE(model) << name << ": " << model.error().message;
    auto scores = (*model)->predict(rows);
    ASSERT_TRUE(scores) << name << ": " << scores.error().message;
    // MXNet sums in floats, in its own order.
    parity::expect_same(*scores, files.at(name + ".expected"), name, 2e-6, 1);
  }
}

// The shapes of "K-Means", "PCA" and "Linear learner response formats" in SageMaker's guide.
TEST(BuiltInModels, Answer_as_their_containers_do) {
  const auto files = parity::read_bundle(kBundle);
  auto answer = [&](const std::string& name) {
    auto model = load_model(files.at(name + ".model"));
    auto scores = (*model)->predict({1, parity::kColumns, std::vector<float>(parity::kColumns)});
    return encode_predictions(*scores, **model, "application/json", {})->body;
  };
  const std::string number = "-?[0-9.e-]+";
  using ::testing::MatchesRegex;
  EXPECT_THAT(answer("kmeans"), MatchesRegex(R"(\{"predictions": \[\{"closest_cluster": [0-4].0, )"
                                             R"("distance_to_cluster": )" +
                                             number + R"(\}\]\})"));
  EXPECT_THAT(answer("pca"), MatchesRegex(R"(\{"projections": \[\{"projection": \[)" + number +
                                          ", " + number + ", " + number + R"(\]\}\]\})"));
  EXPECT_THAT(answer("regressor"),
              MatchesRegex(R"(\{"predictions": \[\{"score": )" + number + R"(\}\]\})"));
  EXPECT_THAT(answer("binary"), MatchesRegex(R"(\{"predictions": \[\{"score": )" + number +
                                             R"(, "predicted_label": [01]\}\]\})"));
  EXPECT_THAT(answer("multiclass"),
              MatchesRegex(R"(\{"predictions": \[\{"score": \[)" + number + ", " + number + ", " +
                           number + ", " + number + R"(\], "predicted_label": [0-3]\}\]\})"));
}

TEST(BuiltInModels, Refuse_what_they_cannot_read_and_say_why) {
  const auto files = parity::read_bundle(kBundle);
  auto message = [](const std::string& bytes) {
    auto model = load_model(bytes);
    return model ? std::string() : model.error().message;
  };
  EXPECT_THAT(message("PK"), HasSubstr("zip archive is damaged"));
  std::string learner = files.at("regressor.model");
  EXPECT_THAT(
      message(std::string(learner).replace(learner.find("squared_loss"), 12, "hinge_loss__")),
      HasSubstr("checksum"));
  const std::string means = files.at("kmeans.model");
  EXPECT_THAT(message(means.substr(0, means.size() - 9)), HasSubstr("cut off"));
  EXPECT_THAT(message(files.at("pca.model").substr(0, 40)), HasSubstr("cut off"));
}

TEST(BuiltInModels, Cut_off_and_changed_files_are_no_danger) {
  for (const auto& [name, bytes] : parity::read_bundle(kBundle)) {
    if (!name.ends_with(".model")) continue;
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
      std::string changed = bytes;
      changed[at] = static_cast<char>(changed[at] ^ 0xff);
      for (const std::string& hostile : {changed, bytes.substr(0, at)})
        if (auto model = load_model(hostile))
          EXPECT_LT((*model)->feature_count(), 1u << 21) << name << " " << at;
    }
  }
}

// mx.nd.save of MXNet before 0.11: sizes of 32 bits and no version.
TEST(NdArray, Reads_the_oldest_layout) {
  std::string bytes;
  auto add = [&bytes](auto number) {
    bytes.append(reinterpret_cast<const char*>(&number), sizeof number);
  };
  add(std::uint64_t{0x112}), add(std::uint64_t{0}), add(std::uint64_t{1});
  add(std::uint32_t{2}), add(std::uint32_t{1}), add(std::uint32_t{2});
  add(std::int32_t{1}), add(std::int32_t{0}), add(std::int32_t{0}), add(1.5f), add(-2.0f);
  add(std::uint64_t{0});
  auto arrays = read_arrays(bytes);
  ASSERT_TRUE(arrays) << arrays.error().message;
  EXPECT_EQ((*arrays)[0].shape, (std::vector<std::size_t>{1, 2}));
  EXPECT_EQ((*arrays)[0].values, (std::vector<float>{1.5f, -2.0f}));
}

}  // namespace
}  // namespace tidemill::infer::linear
