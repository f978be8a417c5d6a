#include "sql/sql.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace tidemill::sql {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class SqlTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Result<std::unique_ptr<Database>> opened = open_database();
    if (!opened) GTEST_SKIP() << opened.error().message;
    database_ = std::move(*opened);
  }
  std::unique_ptr<Database> database_;
};

TEST_F(SqlTest, Numbers_and_nulls) {
  auto numbers = database_->query_floats(
      "SELECT a::FLOAT AS a, b::FLOAT AS b FROM (VALUES (1, 2.5), (NULL, -3)) AS t(a, b)");
  ASSERT_TRUE(numbers) << numbers.error().message;
  EXPECT_THAT(numbers->columns, ElementsAre("a", "b"));
  EXPECT_EQ(numbers->rows, 2u);
  EXPECT_EQ(numbers->values[1], 2.5f);
  EXPECT_TRUE(std::isnan(numbers->values[2]));
  EXPECT_EQ(numbers->values[3], -3.0f);
}

TEST_F(SqlTest, Many_chunks) {
  auto numbers = database_->query_floats("SELECT i::FLOAT FROM range(10000) AS t(i)");
  ASSERT_TRUE(numbers);
  ASSERT_EQ(numbers->rows, 10000u);
  for (std::size_t i = 0; i < numbers->rows; ++i) ASSERT_EQ(numbers->values[i], float(i));
}

TEST_F(SqlTest, Errors_say_what_DuckDB_says) {
  auto numbers = database_->query_floats("SELECT nothing");
  ASSERT_FALSE(numbers);
  EXPECT_THAT(numbers.error().message, HasSubstr("nothing"));
  EXPECT_FALSE(database_->query_floats("SELECT 'text'"));
}

TEST(Quote, Doubles_quotes) { EXPECT_EQ(quote("it's"), "'it''s'"); }

}  // namespace
}  // namespace tidemill::sql
