// Binary formats, and cases in which the fast readers of text must behave like the others.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "infer/codec/codec.h"
#include "infer/codec/recordio.h"
#include "sql/sql.h"

namespace tidemill::infer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kRecordio = "application/x-recordio-protobuf";
constexpr const char* kParquet = "application/x-parquet";

std::string unhex(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2)
    out += static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16));
  return out;
}

std::string message_of(const Result<Matrix>& rows) {
  return rows ? "no error" : rows.error().message;
}

// Written by the SageMaker Python SDK (amazon/common.py) with labels, and by its record_pb2.
const char* const kDense32 =
    "0a23d7ce300000000a1a0a0676616c7565731210120e0a0c0000c03f000000c00000404012120a0676616c756573"
    "120812060a040000803f0a23d7ce300000000a1a0a0676616c7565731210120e0a0c000080400000a0400000c840"
    "12120a0676616c756573120812060a0400000000";
const char* const kDense64 =
    "0a23d7ce200000000a1e0a0676616c75657312141a120a109a9999999999b93f0000000000000040";
const char* const kInt32 =
    "0a23d7ce1d0000000a1b0a0676616c75657312113a0f0a0df9ffffffffffffffff01e0a712000000";
const char* const kSparse =
    "0a23d7ce1f0000000a1d0a0676616c756573121312110a080000c03f00000040120201031a0104000a23d7ce1a00"
    "00000a180a0676616c756573120e120c0a04000040401201001a01040000";

TEST(Recordio, Dense_tensors_of_each_type) {
  Result<Matrix> rows = decode_rows(kRecordio, unhex(kDense32), 3);
  ASSERT_TRUE(rows) << message_of(rows);
  EXPECT_EQ(rows->rows, 2u);
  EXPECT_THAT(rows->values, ElementsAre(1.5f, -2, 3, 4, 5, 6.25f));
  EXPECT_THAT(decode_rows(kRecordio, unhex(kDense64), 2)->values, ElementsAre(0.1f, 2));
  EXPECT_THAT(decode_rows(kRecordio, unhex(kInt32), 2)->values, ElementsAre(-7, 300000));
}

TEST(Recordio, Sparse_rows_are_filled_with_missing_values) {
  Result<Matrix> rows = decode_rows(kRecordio, unhex(kSparse), 5);
  ASSERT_TRUE(rows) << message_of(rows);
  ASSERT_EQ(rows->columns, 5u);  // the shape says 4, the model 5
  EXPECT_EQ(rows->values[1], 1.5f);
  EXPECT_EQ(rows->values[3], 2.0f);
  EXPECT_EQ(rows->values[5], 3.0f);
  for (std::size_t at : {0, 2, 4, 6, 7, 8, 9}) EXPECT_TRUE(std::isnan(rows->values[at])) << at;
  EXPECT_EQ(decode_rows(kRecordio, unhex(kSparse), 0)->columns, 4u);
}

TEST(Recordio, A_record_that_was_split_at_the_magic_number) {
  // The record of kDense64 with the magic number as the low half of its first value.
  std::string record = unhex(kDense64).substr(8);
  const std::string magic = unhex("0a23d7ce");
  record.replace(16, 4, magic);
  auto part = [&](std::uint32_t flag, const std::string& bytes) {
    const auto head = static_cast<std::uint32_t>(flag << 29 | bytes.size());
    std::string out = magic + std::string(reinterpret_cast<const char*>(&head), 4) + bytes;
    return out + std::string((4 - bytes.size() % 4) % 4, '\0');
  };
  Result<Matrix> whole = decode_rows(kRecordio, part(0, record), 2);
  Result<Matrix> split =
      decode_rows(kRecordio, part(1, record.substr(0, 16)) + part(3, record.substr(20)), 2);
  ASSERT_TRUE(whole && split) << message_of(split);
  EXPECT_EQ(split->values, whole->values);
  EXPECT_THAT(message_of(decode_rows(kRecordio, part(1, record), 2)), HasSubstr("cut off"));
  EXPECT_THAT(message_of(decode_rows(kRecordio, part(2, record), 2)), HasSubstr("later part"));
}

TEST(Recordio, Errors_name_the_row) {
  EXPECT_THAT(message_of(decode_rows(kRecordio, "junkjunk", 2)),
              HasSubstr("row 1: no RecordIO frame"));
  EXPECT_THAT(message_of(decode_rows(kRecordio, unhex(kDense32) + unhex(kDense64), 3)),
              HasSubstr("row 3: it has 2 columns, but the rows before have 3"));
  EXPECT_THAT(message_of(decode_rows(kRecordio, unhex(kDense64).substr(0, 20), 2)),
              HasSubstr("row 1: the record is cut off"));
  // A key beyond the shape, and a shape with 2^56 columns.
  std::string sparse = unhex(kSparse).substr(0, 40);
  sparse[35] = 9;
  EXPECT_THAT(message_of(decode_rows(kRecordio, sparse, 0)), HasSubstr("key 9 is beyond its 4"));
  std::string wide = unhex(
      "0a23d7ce22000000"
      "0a200a0676616c75657312161214"
      "0a040000803f1201001a09808080808080808001");
  EXPECT_THAT(message_of(decode_rows(kRecordio, wide, 0)), HasSubstr("too wide"));
}

class LinearModel final : public Model {
 public:
  explicit LinearModel(bool shaped) : shaped_(shaped) {}
  Result<void> predict_rows(const float*, std::size_t, float*) const override { return {}; }
  std::size_t feature_count() const override { return 2; }
  std::size_t output_columns() const override { return 2; }
  const std::string& objective() const override { return objective_; }
  std::size_t class_count() const override { return 0; }
  std::size_t memory_bytes() const override { return 0; }
  const AnswerShape* answer_shape() const override { return shaped_ ? &shape_ : nullptr; }

 private:
  bool shaped_;
  AnswerShape shape_{"predictions", {{"predicted_label", 1, 1, false, true}, {"score", 0, 1}}};
  std::string objective_ = "binary:logistic";
};

// Bytes that the SDK's record_pb2 writes for the same labels, in the order of names.
TEST(Recordio, Answers) {
  EXPECT_EQ(encode_predictions({1, 2, {0.5f, 1}}, LinearModel(true), kRecordio, {})->body,
            unhex("0a23d7ce30000000121b0a0f7072656469637465645f6c6162656c120812060a040000803f12110a"
                  "0573636f7265120812060a040000003f"));
  EXPECT_EQ(encode_predictions({1, 1, {0.5f}}, LinearModel(false), kRecordio, {})->body,
            unhex("0a23d7ce1300000012110a0573636f7265120812060a040000003f00"));
  const ResponseOptions selected{.output_keys = {"predicted_label", "probabilities"}};
  Result<EncodedResponse> answer =
      encode_predictions({1, 1, {0.75f}}, LinearModel(false), kRecordio, selected);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->content_type, kRecordio);
  EXPECT_THAT(answer->body, HasSubstr(unhex("0a0d70726f626162696c6974696573"  // 0.25, 0.75
                                            "120c120a0a080000803e0000403f")));
}

class Parquet : public ::testing::Test {
 protected:
  void SetUp() override {
    Result<std::unique_ptr<sql::Database>> opened = sql::open_database();
    if (!opened) GTEST_SKIP() << opened.error().message;
    database_ = std::move(*opened);
  }
  std::string file(const std::string& query) {
    const std::string path =
        std::filesystem::temp_directory_path() / ("rows-" + std::to_string(getpid()) + ".parquet");
    // COPY returns a count that is not a FLOAT; the file is written nevertheless.
    (void)database_->query_floats("COPY (" + query + ") TO " + sql::quote(path) +
                                  " (FORMAT PARQUET)");
    std::ifstream stream(path, std::ios::binary);
    std::string bytes(std::istreambuf_iterator<char>(stream), {});
    std::filesystem::remove(path);
    return bytes;
  }
  std::unique_ptr<sql::Database> database_;
};

TEST_F(Parquet, Every_column_is_a_feature) {
  const std::string body =
      file("SELECT * FROM (VALUES (1, 2.5, true), (NULL, -3, false)) AS t(a, b, c)");
  Result<Matrix> rows = decode_rows("application/vnd.apache.parquet", body, 3);
  ASSERT_TRUE(rows) << message_of(rows);
  EXPECT_EQ(rows->rows, 2u);
  EXPECT_EQ(rows->columns, 3u);
  EXPECT_TRUE(std::isnan(rows->values[3]));
  rows->values[3] = 0;
  EXPECT_THAT(rows->values, ElementsAre(1, 2.5f, 1, 0, -3, 0));
}

TEST_F(Parquet, Errors_name_row_and_column) {
  const std::string body = file("SELECT * FROM (VALUES (1, '2'), (2, NULL), (3, 'x')) AS t(a, b)");
  EXPECT_THAT(message_of(decode_rows(kParquet, body, 2)), HasSubstr("row 3, column 2: "));
  EXPECT_THAT(message_of(decode_rows(kParquet, body, 2)), HasSubstr("'x'"));
  EXPECT_THAT(message_of(decode_rows(kParquet, body, 2)), ::testing::Not(HasSubstr("SELECT")));
  EXPECT_THAT(message_of(decode_rows(kParquet, "junk", 2)), HasSubstr("no Parquet file"));
  std::string broken = body;
  broken[broken.size() - 8] = '\x7f';
  EXPECT_FALSE(decode_rows(kParquet, broken, 2));
}

TEST_F(Parquet, A_few_bytes_that_stand_for_too_many_rows) {
  const std::string body = file("SELECT 1 AS a FROM range(70000000)");
  EXPECT_LT(body.size(), 1u << 20);
  EXPECT_THAT(message_of(decode_rows(kParquet, body, 1)), HasSubstr("too many"));
}

// Cases that a fast reader of plain JSON and CSV could read differently.
TEST(QuickReaders, Unusual_json_is_read_as_before) {
  EXPECT_THAT(decode_rows("application/json", R"({"other": 1, "instances": [[1, 2]]})", 2)->values,
              ElementsAre(1, 2));
  EXPECT_THAT(decode_rows("application/json", R"({"inst\u0061nces": [[1, 2]]})", 2)->values,
              ElementsAre(1, 2));
  EXPECT_THAT(decode_rows("application/json", "[true, false, 1e2]", 3)->values,
              ElementsAre(1, 0, 100));
  Result<Matrix> python =
      decode_rows("application/json", "\xef\xbb\xbf[NaN, Infinity, -Infinity]", 3);
  ASSERT_TRUE(python) << message_of(python);
  EXPECT_TRUE(std::isnan(python->values[0]));
  EXPECT_EQ(python->values[1], std::numeric_limits<float>::infinity());
  EXPECT_EQ(python->values[2], -std::numeric_limits<float>::infinity());
  for (const char* body : {"[1, 2", "[1, 2]]", "[1 2]", "[01]", "[1.]", "[+1]", "[nan]", "[1,]",
                           "[,1]", "[[1], 2]", R"({"features": [1]} x)",
                           R"({"instances": [1]})"
                           "}",
                           "[truefalse]", "[1e]"})
    EXPECT_FALSE(decode_rows("application/json", body, 2)) << body;
  EXPECT_THAT(message_of(decode_rows("application/json", "[[1,2],[3]]", 2)),
              HasSubstr("row 2 has 1 columns"));
  EXPECT_THAT(message_of(decode_rows("application/jsonlines", "[1,2]\n[3]\n", 2)),
              HasSubstr("row 2 has 1 columns"));
  EXPECT_THAT(message_of(decode_rows("application/jsonlines", "[1,2]\n[3,\"x\"]\n", 2)),
              HasSubstr("row 2, column 2"));
}

TEST(QuickReaders, Csv_at_its_edges) {
  Result<Matrix> rows = decode_rows("text/csv", "\xef\xbb\xbf,1,\r\n\r\n2, ,\" 3\"\r\n", 3);
  ASSERT_FALSE(rows);  // a blank inside the quotes
  rows = decode_rows("text/csv", "\xef\xbb\xbf,1,\r\n\r\n2, ,\"3\"\r", 3);
  ASSERT_TRUE(rows) << message_of(rows);
  ASSERT_EQ(rows->values.size(), 6u);
  for (std::size_t at : {0, 2, 4}) EXPECT_TRUE(std::isnan(rows->values[at])) << at;
  for (std::size_t at : {0, 2, 4}) rows->values[at] = 0;
  EXPECT_THAT(rows->values, ElementsAre(0, 1, 0, 2, 0, 3));
  EXPECT_THAT(message_of(decode_rows("text/csv", "1,2\n\n3,4x\n", 2)),
              HasSubstr("row 3, column 2: '4x'"));
  EXPECT_THAT(decode_rows("text/csv", "1 2\n3 4", 2)->values, ElementsAre(1, 2, 3, 4));
}

TEST(ContentTypes, In_any_case_with_parameters) {
  EXPECT_TRUE(decode_rows(" Application/JSON ; charset=utf-8", "[1]", 1));
  EXPECT_THAT(message_of(decode_rows(std::string(300, 'a'), "1", 1)), HasSubstr("not supported"));
  EXPECT_EQ(rows_at_most("text/csv", 100, 10), 11u);
  EXPECT_EQ(rows_at_most("text/libsvm; charset=utf-8", 100, 10), 51u);
  EXPECT_EQ(rows_at_most("", 0, 0), 1u);
  EXPECT_TRUE(decodes_slowly(kParquet));
  EXPECT_FALSE(decodes_slowly("text/csv"));
}

}  // namespace
}  // namespace tidemill::infer
