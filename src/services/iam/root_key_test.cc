#include "services/iam/root_key.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

namespace tidemill::services::iam {
namespace {

class RootKeyTest : public testing::Test {
 protected:
  RootKeyTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "root_key_XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~RootKeyTest() override { std::filesystem::remove_all(folder_); }
  std::filesystem::path folder_;
  std::filesystem::path path() const { return folder_ / "root_key.json"; }
  std::unique_ptr<Random> random_ = make_system_random();
};

TEST_F(RootKeyTest, is_made_once_and_kept_private) {
  RootKey made = load_or_create_root_key(path(), *random_).value();
  EXPECT_EQ(made.access_key_id.size(), 20u);
  EXPECT_TRUE(made.access_key_id.starts_with("AKIA"));
  EXPECT_EQ(made.secret_access_key.size(), 40u);
  struct stat status{};
  ASSERT_EQ(::stat(path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  RootKey again = load_or_create_root_key(path(), *random_).value();
  EXPECT_EQ(again.access_key_id, made.access_key_id);
  EXPECT_EQ(again.secret_access_key, made.secret_access_key);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
}

TEST_F(RootKeyTest, refuses_what_others_can_read) {
  ASSERT_TRUE(load_or_create_root_key(path(), *random_));
  ::chmod(path().c_str(), 0644);
  auto result = load_or_create_root_key(path(), *random_);
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("chmod 600"), std::string::npos);
}

TEST_F(RootKeyTest, names_a_damaged_file) {
  std::ofstream(path()) << "{\"AccessKeyId\":\"AKIA\"";
  ::chmod(path().c_str(), 0600);
  EXPECT_EQ(load_or_create_root_key(path(), *random_).error().code, codes::kCorrupt);
  EXPECT_FALSE(load_or_create_root_key(folder_ / "no" / "folder", *random_));
}

}  // namespace
}  // namespace tidemill::services::iam
