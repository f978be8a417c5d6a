// Compares with the answers of Python's onnxruntime (testdata/make_models.py).
#include "model_server/onnx/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/json.h"
#include "model_server/onnx/ort_api.h"
#include "model_server/onnx_serve.h"
#include "model_server/serve/batcher.h"
#include "model_server/tensor/body.h"

// ONNX Runtime 1.30 loses 14 bytes once, whatever is loaded; the leak check of ASan builds is told.
extern "C" const char* __lsan_default_suppressions();  // NOLINT
extern "C" const char* __lsan_default_suppressions() { return "leak:libonnxruntime.so\n"; }

namespace tidemill::model_server {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

const std::string kFolder = TIDEMILL_SOURCE_DIR "/src/model_server/testdata/";

std::string read(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

class OnnxTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (Result<const ort::Api*> api = ort::open_api(); !api) GTEST_SKIP() << api.error().message;
    expected_ = *parse_json(read(kFolder + "expected.json"));
    char pattern[] = "/tmp/tidemill-onnx-XXXXXX";
    folder_ = mkdtemp(pattern);
  }
  void TearDown() override { fs::remove_all(folder_); }

  // Sends the inputs as JSON and compares every number of the outputs.
  void agrees(const std::string& name) {
    Result<std::unique_ptr<Runner>> runner = load_onnx(kFolder + name + ".onnx", 1);
    ASSERT_TRUE(runner) << runner.error().message;
    const Value& model = *expected_.find(name);
    ValueObject body;
    body.append("inputs", *model.find("inputs"));
    Result<ModelInput> input = parse_json_body(write_json(body), (*runner)->inputs());
    ASSERT_TRUE(input) << input.error().message;
    Result<Tensors> outputs = (*runner)->run(input->tensors);
    ASSERT_TRUE(outputs) << outputs.error().message;
    std::size_t at = 0;
    for (const auto& [output, numbers] : *model.find("outputs")->as_object()) {
      ASSERT_EQ((*runner)->outputs()[at].name, output);
      const Tensor& tensor = (*outputs)[at++];
      std::size_t element = 0;
      compare(numbers, tensor, element);
      EXPECT_EQ(element, tensor.count());
    }
  }
  void compare(const Value& numbers, const Tensor& tensor, std::size_t& at) {
    if (const ValueList* list = numbers.as_list()) {
      for (const Value& number : *list) compare(number, tensor, at);
      return;
    }
    ASSERT_LT(at, tensor.count());
    if (tensor.type == ElementType::int64) {
      std::int64_t value = 0;
      std::memcpy(&value, tensor.data.data() + at++ * sizeof value, sizeof value);
      EXPECT_EQ(value, *numbers.get_if<std::int64_t>());
      return;
    }
    float value = 0;
    std::memcpy(&value, tensor.data.data() + at++ * sizeof value, sizeof value);
    EXPECT_NEAR(value, *numbers.get_if<double>(), 1e-6 * (1 + std::abs(*numbers.get_if<double>())));
  }

  Value expected_;
  std::string folder_;
};

TEST_F(OnnxTest, Agrees_with_Python) {
  for (const char* name : {"mlp", "two", "centred", "image"}) agrees(name);
}

TEST_F(OnnxTest, Says_what_it_takes) {
  Result<std::unique_ptr<Runner>> runner = load_onnx(kFolder + "two.onnx", 1);
  ASSERT_TRUE(runner) << runner.error().message;
  EXPECT_EQ((*runner)->inputs()[0].text(), "int64 [batch, length]");
  EXPECT_EQ((*runner)->inputs()[1].text(), "float32 [batch, 2]");
}

TEST_F(OnnxTest, Rows_are_tried) {
  std::string why_not;
  for (const char* name : {"mlp", "two", "image"}) {
    Result<std::unique_ptr<Runner>> runner = load_onnx(kFolder + name + ".onnx", 1);
    EXPECT_TRUE(rows_are_independent(**runner, why_not)) << name << ": " << why_not;
  }
  Result<std::unique_ptr<Runner>> centred = load_onnx(kFolder + "centred.onnx", 1);
  EXPECT_FALSE(rows_are_independent(**centred, why_not));
}

TEST_F(OnnxTest, Files_that_are_no_models) {
  const std::string good = read(kFolder + "mlp.onnx"), path = folder_ + "/model.onnx";
  for (const std::string& bytes : {std::string(), std::string("junk"), good.substr(0, 200)}) {
    std::ofstream(path, std::ios::binary) << bytes;
    Result<std::unique_ptr<Runner>> runner = load_onnx(path, 1);
    ASSERT_FALSE(runner);
    EXPECT_THAT(runner.error().message, HasSubstr("ONNX Runtime: "));
  }
  EXPECT_FALSE(load_onnx(folder_ + "/nothing.onnx", 1));
}

TEST_F(OnnxTest, A_run_that_fails_is_an_error) {
  Result<std::unique_ptr<Runner>> runner = load_onnx(kFolder + "two.onnx", 1);
  ASSERT_TRUE(runner);
  Result<ModelInput> input = parse_json_body(
      R"({"inputs": {"tokens": [[99]], "numbers": [[1, 2]]}})", (*runner)->inputs());
  Result<Tensors> outputs = (*runner)->run(input->tensors);
  ASSERT_FALSE(outputs);
  EXPECT_THAT(outputs.error().message, HasSubstr("Gather"));
}

TEST_F(OnnxTest, Finds_the_file) {
  EXPECT_THAT(find_onnx_file(folder_).error().message, HasSubstr("no *.onnx"));
  std::ofstream(folder_ + "/a.onnx") << "x";
  EXPECT_EQ(*find_onnx_file(folder_), folder_ + "/a.onnx");
  std::ofstream(folder_ + "/b.onnx") << "x";
  EXPECT_THAT(find_onnx_file(folder_).error().message, HasSubstr("several"));
  std::ofstream(folder_ + "/model.onnx") << "x";
  EXPECT_EQ(*find_onnx_file(folder_), folder_ + "/model.onnx");
}

}  // namespace
}  // namespace tidemill::model_server
