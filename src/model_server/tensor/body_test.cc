#include "model_server/tensor/body.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

namespace tidemill::model_server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const TensorSpec kTable{"x", ElementType::float32, {kDynamic, 3}, {"batch", ""}};
const TensorSpec kImage{"image", ElementType::float32, {kDynamic, 2, 2}, {"", "", ""}};
const TensorSpec kTokens{"tokens", ElementType::int64, {kDynamic, kDynamic}, {"batch", "length"}};

template <class T>
std::vector<T> values(const Tensor& tensor) {
  std::vector<T> out(tensor.data.size() / sizeof(T));
  if (!out.empty()) std::memcpy(out.data(), tensor.data.data(), tensor.data.size());
  return out;
}
template <class T>
Tensor tensor(ElementType type, Shape shape, const std::vector<T>& elements) {
  return {type, std::move(shape),
          std::string(reinterpret_cast<const char*>(elements.data()), elements.size() * sizeof(T))};
}
std::string message(const auto& result) { return result ? "no error" : result.error().message; }

TEST(JsonBody, Each_form_of_one_input) {
  for (const char* body :
       {"[[1, 2, 3], [4, 5, 6.5]]", R"({"inputs": [[1,2,3],[4,5,6.5]]})",
        R"({"inputs": {"x": [[1,2,3],[4,5,6.5]]}})", R"({"instances": [[1,2,3],[4,5,6.5]]})",
        R"({"instances": [{"x": [1,2,3]}, {"x": [4,5,6.5]}]})"}) {
    Result<ModelInput> input = parse_json_body(body, {kTable});
    ASSERT_TRUE(input) << body << message(input);
    EXPECT_THAT(input->tensors[0].shape, ElementsAre(2, 3)) << body;
    EXPECT_THAT(values<float>(input->tensors[0]), ElementsAre(1, 2, 3, 4, 5, 6.5f)) << body;
  }
  EXPECT_TRUE(parse_json_body(R"({"instances": [[1,2,3]]})", {kTable})->row_form);
  EXPECT_FALSE(parse_json_body(R"({"inputs": [[1,2,3]]})", {kTable})->row_form);
}

TEST(JsonBody, One_example_gets_its_batch) {
  EXPECT_THAT(parse_json_body("[1, null, 3]", {kTable})->tensors[0].shape, ElementsAre(1, 3));
  EXPECT_TRUE(std::isnan(values<float>(parse_json_body("[1,null,3]", {kTable})->tensors[0])[1]));
  EXPECT_THAT(parse_json_body("[[1,2],[3,4]]", {kImage})->tensors[0].shape, ElementsAre(1, 2, 2));
}

TEST(JsonBody, Several_inputs) {
  const std::vector<TensorSpec> inputs = {kTokens, kTable};
  for (const char* body :
       {R"({"inputs": {"x": [[1,2,3],[4,5,6]], "tokens": [[9007199254740993],[-2]]}})",
        R"({"instances": [{"x": [1,2,3], "tokens": [9007199254740993]},
                          {"tokens": [-2], "x": [4,5,6]}]})"}) {
    Result<ModelInput> input = parse_json_body(body, inputs);
    ASSERT_TRUE(input) << body << message(input);
    EXPECT_THAT(values<std::int64_t>(input->tensors[0]), ElementsAre(9007199254740993, -2));
    EXPECT_THAT(values<float>(input->tensors[1]), ElementsAre(1, 2, 3, 4, 5, 6));
  }
}

TEST(JsonBody, Errors_name_the_input_and_what_it_expects) {
  EXPECT_THAT(message(parse_json_body("[[1,2]]", {kTable})),
              HasSubstr("input \"x\" expects float32 [batch, 3], but an array of shape [1, 2]"));
  EXPECT_THAT(message(parse_json_body("[[1,2,3],[4,\"a\",6]]", {kTable})),
              HasSubstr("element [1][1]: '\"a\"' is no float32"));
  EXPECT_THAT(message(parse_json_body("[[1,2,3],[4,5]]", {kTable})),
              HasSubstr("element [1]: a list of 2 where those before have 3"));
  EXPECT_THAT(message(parse_json_body("[[1.5]]", {kTokens})), HasSubstr("'1.5' is no int64"));
  EXPECT_THAT(message(parse_json_body(R"({"inputs": {"y": [1]}})", {kTable})),
              HasSubstr("no input 'y'"));
  EXPECT_THAT(message(parse_json_body(R"({"inputs": {"x": [[1,2,3]]}})", {kTable, kTokens})),
              HasSubstr("input \"tokens\" is missing"));
  EXPECT_THAT(
      message(parse_json_body(R"({"instances": [{"x": [1,2,3]}, {"x": [1,2]}]})", {kTable})),
      HasSubstr("instance 2"));
  EXPECT_THAT(message(parse_json_body(R"({"features": [1]})", {kTable})),
              HasSubstr(R"(send {"inputs": ..})"));
}

TEST(JsonBody, Refuses_what_is_no_array) {
  const std::string deep = std::string(100000, '[');
  for (const std::string& body :
       {std::string(), std::string("["), std::string("[1"), std::string("[1,2,3"),
        std::string("[[1,2,3]] x"), std::string("[[1,2,3],]"), std::string("[[1,2,3] [1,2,3]]"),
        std::string("{}"), std::string(R"({"inputs")"), std::string(R"({"inputs": [[1,2,3]])"),
        std::string(R"({"inputs": {"x": [[1,2,3]], "x": [[1,2,3]]}})"), std::string("[[],[1,2,3]]"),
        std::string("[[[]],[1,2,3]]"), std::string("[1,[2,3],4]"), std::string("[[1,2,3x]]"), deep,
        std::string("[[1,2,03]]"), std::string(R"({"instances": [[1,2,3]], "x": 1})")})
    EXPECT_FALSE(parse_json_body(body, {kTable})) << body.substr(0, 40);
}

TEST(CsvBody, Rows_are_folded_to_the_input) {
  Result<Tensor> table = parse_csv_body("1,,3\r\n\r\n4, 5,6\n", kTable);
  ASSERT_TRUE(table) << message(table);
  EXPECT_THAT(table->shape, ElementsAre(2, 3));
  EXPECT_TRUE(std::isnan(values<float>(*table)[1]));
  EXPECT_THAT(parse_csv_body("1,2,3,4\n5,6,7,8", kImage)->shape, ElementsAre(2, 2, 2));
  EXPECT_THAT(values<std::int64_t>(*parse_csv_body("9007199254740993,2", kTokens)),
              ElementsAre(9007199254740993, 2));
  EXPECT_THAT(message(parse_csv_body("1,2,3\n4,5\n", kTable)), HasSubstr("row 2 has 2 columns"));
  EXPECT_THAT(message(parse_csv_body("1,2,3\n4,5,z\n", kTable)), HasSubstr("row 2, column 3"));
  EXPECT_THAT(message(parse_csv_body("1,\n", kTokens)), HasSubstr("no int64"));
  EXPECT_THAT(message(parse_csv_body("1,2,3\n", kImage)), HasSubstr("expects float32 [any, 2, 2]"));
}

std::string npy(const std::string& header, const std::string& data) {
  std::string out("\x93NUMPY\x01\x00", 8);
  out += static_cast<char>(header.size());
  out += '\0';
  return out + header + data;
}
template <class T>
std::string raw(const std::vector<T>& elements) {
  return tensor(ElementType::uint8, {}, elements).data;
}

TEST(NpyBody, Any_rank_type_and_order) {
  Result<Tensor> image =
      parse_npy_body(npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1, 2, 2), }",
                         raw<double>({1, 2, 3, 4})),
                     kImage);
  ASSERT_TRUE(image) << message(image);
  EXPECT_THAT(values<float>(*image), ElementsAre(1, 2, 3, 4));
  // numpy.asfortranarray([[[1, 2], [3, 4]], [[5, 6], [7, 8]]])
  image = parse_npy_body(npy("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 2, 2), }",
                             raw<std::uint8_t>({1, 5, 3, 7, 2, 6, 4, 8})),
                         kImage);
  ASSERT_TRUE(image) << message(image);
  EXPECT_THAT(values<float>(*image), ElementsAre(1, 2, 3, 4, 5, 6, 7, 8));
  EXPECT_THAT(values<std::int64_t>(
                  *parse_npy_body(npy("{'descr': '>i4', 'fortran_order': False, 'shape': (1, 1), }",
                                      std::string("\x00\x00\x01\x02", 4)),
                                  kTokens)),
              ElementsAre(258));
}

TEST(NpyBody, Errors) {
  EXPECT_THAT(
      message(parse_npy_body(
          npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1), }", raw<float>({1})),
          kTokens)),
      HasSubstr("expects int64 [batch, length], and the array's float32"));
  EXPECT_THAT(
      message(parse_npy_body(
          npy("{'descr': '<f4', 'fortran_order': False, 'shape': (9, 3), }", raw<float>({1})),
          kTable)),
      HasSubstr("cut off"));
  EXPECT_THAT(
      message(parse_npy_body(
          npy("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999, 99999999), }", ""),
          kTable)),
      HasSubstr("more than"));
  EXPECT_FALSE(parse_npy_body(npy("{'descr': '|O', 'fortran_order': False, 'shape': (1, 3), }", ""),
                              kTable));
  EXPECT_FALSE(parse_npy_body("junk", kTable));
}

TEST(DecodeBody, By_content_type) {
  EXPECT_TRUE(decode_body("application/json; charset=utf-8", "[1,2,3]", {kTable}));
  EXPECT_TRUE(decode_body("text/csv", "1,2,3", {kTable}));
  EXPECT_EQ(decode_body("image/png", "x", {kTable}).error().http_status, 415);
  EXPECT_EQ(decode_body("text/csv", "x", {kTable}).error().http_status, 400);
  EXPECT_THAT(message(decode_body("text/csv", "1,2,3", {kTable, kTokens})), HasSubstr("2 inputs"));
}

TEST(EncodeOutputs, Json) {
  const TensorSpec scores{"scores", ElementType::float32, {kDynamic, 2}, {}};
  const TensorSpec best{"best", ElementType::int64, {kDynamic}, {}};
  const Tensor two = tensor<float>(ElementType::float32, {2, 2}, {0.1f, 1, NAN, -INFINITY});
  const Tensor labels = tensor<std::int64_t>(ElementType::int64, {2}, {1, 0});
  EXPECT_EQ(*encode_outputs(BodyFormat::json, {scores}, {two}, true),
            R"({"predictions": [[0.1, 1.0], [NaN, -Infinity]]})");
  EXPECT_EQ(*encode_outputs(BodyFormat::json, {scores}, {two}, false),
            R"({"outputs": [[0.1, 1.0], [NaN, -Infinity]]})");
  EXPECT_EQ(*encode_outputs(BodyFormat::json, {scores, best}, {two, labels}, true),
            R"({"predictions": [{"scores": [0.1, 1.0], "best": 1}, )"
            R"({"scores": [NaN, -Infinity], "best": 0}]})");
  EXPECT_EQ(*encode_outputs(BodyFormat::json, {scores, best}, {two, labels}, false),
            R"({"outputs": {"scores": [[0.1, 1.0], [NaN, -Infinity]], "best": [1, 0]}})");
}

TEST(EncodeOutputs, Csv_and_npy) {
  const TensorSpec scores{"scores", ElementType::float32, {kDynamic, 2}, {}};
  const TensorSpec best{"best", ElementType::int64, {kDynamic}, {}};
  const Tensor two = tensor<float>(ElementType::float32, {2, 2}, {0.5f, 1, 2, 3});
  const Tensor labels = tensor<std::int64_t>(ElementType::int64, {2}, {1, 0});
  EXPECT_EQ(*encode_outputs(BodyFormat::csv, {scores, best}, {two, labels}, true),
            "0.5,1.0,1\n2.0,3.0,0\n");
  const std::string bytes = *encode_outputs(BodyFormat::npy, {scores}, {two}, true);
  EXPECT_THAT(bytes, HasSubstr("'shape': (2, 2, )"));
  EXPECT_EQ((bytes.size() - two.data.size()) % 64, 0u);
  EXPECT_TRUE(bytes.ends_with(two.data));
  EXPECT_EQ(
      encode_outputs(BodyFormat::npy, {scores, best}, {two, labels}, true).error().http_status,
      406);
  const Tensor scalar = tensor<float>(ElementType::float32, {}, {1});
  EXPECT_EQ(encode_outputs(BodyFormat::csv, {scores}, {scalar}, true).error().http_status, 406);
}

}  // namespace
}  // namespace tidemill::model_server
