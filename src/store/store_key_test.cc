#include <gtest/gtest.h>

#include "store/position.h"
#include "store/table.h"

namespace tidemill::store {

TEST(Key, JoinsAndSplits) {
  EXPECT_EQ(key({"a", "b"}),
            "a\x1f"
            "b");
  EXPECT_EQ(key({"a", ""}), "a\x1f");
  EXPECT_EQ(split_key(key({"a", "", "c"})), (std::vector<std::string>{"a", "", "c"}));
  const std::string odd =
      "x\x1fy\x1ez\x1e"
      "1";
  EXPECT_EQ(split_key(key({odd, odd})), (std::vector<std::string>{odd, odd}));
  EXPECT_EQ(split_key(key({odd})).size(), 1u);
}

TEST(Key, PrefixEndsAtAPart) {
  EXPECT_TRUE(key({"a", "b", "c"}).starts_with(key({"a", "b", ""})));
  EXPECT_FALSE(key({"a", "bb", "c"}).starts_with(key({"a", "b", ""})));
  EXPECT_LT(key({"a", "z"}), key({"ab", "a"}));
}

TEST(Position, PrefixEnd) {
  EXPECT_EQ(prefix_end("ab"), "ac");
  EXPECT_EQ(prefix_end("a\xff\xff"), "b");
  EXPECT_EQ(prefix_end("\xff"), std::nullopt);
  EXPECT_EQ(prefix_end(""), std::nullopt);
}

TEST(Position, IndexPositionsReadBack) {
  const IndexPosition position = read_index_position(write_index_position("index", "primary"));
  EXPECT_EQ(position.index_key, "index");
  EXPECT_EQ(position.primary_key, "primary");
  EXPECT_EQ(read_index_position("index").index_key, "index");
  EXPECT_EQ(read_index_position("index").primary_key, std::nullopt);
}

}  // namespace tidemill::store
