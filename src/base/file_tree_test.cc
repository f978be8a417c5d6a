#include "base/file_tree.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/descriptor.h"

namespace tidemill {
namespace {

namespace fs = std::filesystem;
using ::testing::UnorderedElementsAre;

class FileTreeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/tidemill_tree_XXXXXX";
    root_ = ::mkdtemp(name);
  }
  void TearDown() override { EXPECT_TRUE(remove_tree(root_)); }
  // Makes folders deeper than any path can name.
  void make_deep(int levels) {
    Descriptor here(::open(root_.c_str(), O_RDONLY | O_DIRECTORY));
    for (int level = 0; level < levels; ++level) {
      ASSERT_EQ(::mkdirat(here.get(), "ab", 0755), 0);
      here = Descriptor(::openat(here.get(), "ab", O_RDONLY | O_DIRECTORY));
      ASSERT_TRUE(here);
    }
    Descriptor file(::openat(here.get(), "file", O_WRONLY | O_CREAT, 0644));
    ASSERT_TRUE(file);
  }
  std::string root_;
};

TEST_F(FileTreeTest, FoldersDeeperThanAnyPathAreWalkedAndRemoved) {
  constexpr int kLevels = 5000;
  make_deep(kLevels);
  std::size_t deepest = 0, files = 0;
  ASSERT_TRUE(walk_tree(root_, [&](const TreeEntry& entry) -> Result<void> {
    deepest = std::max(deepest, entry.depth);
    files += S_ISREG(entry.status.st_mode);
    return {};
  }));
  EXPECT_EQ(deepest, std::size_t(kLevels) + 1);
  EXPECT_EQ(files, 1u);
  EXPECT_TRUE(remove_tree(root_));
  EXPECT_FALSE(fs::exists(root_));
  EXPECT_TRUE(remove_tree(root_));  // a missing path is not an error
}

TEST_F(FileTreeTest, LinksAreSeenAndNotFollowed) {
  const std::string outside = root_ + "-outside";
  fs::create_directories(outside);
  std::ofstream(outside + "/kept") << "x";
  fs::create_directories(root_ + "/a/b");
  std::ofstream(root_ + "/a/b/f") << "1234";
  fs::create_symlink(outside, root_ + "/a/link");
  std::vector<std::string> seen;
  ASSERT_TRUE(walk_tree(root_, [&](const TreeEntry& entry) -> Result<void> {
    seen.push_back(entry.path);
    return {};
  }));
  EXPECT_THAT(seen, UnorderedElementsAre("a", "a/b", "a/b/f", "a/link"));
  EXPECT_TRUE(remove_tree(root_));
  EXPECT_TRUE(fs::exists(outside + "/kept"));
  EXPECT_TRUE(remove_tree(outside));
}

TEST_F(FileTreeTest, ClosedFoldersAreRemovedByTheirOwnerToo) {
  fs::create_directories(root_ + "/a/b/c");
  std::ofstream(root_ + "/a/b/c/f") << "x";
  for (const char* folder : {"/a/b/c", "/a/b", "/a"}) ::chmod((root_ + folder).c_str(), 0);
  constexpr int kNobody = 65534;
  if (::geteuid() == 0) {
    for (const char* path : {"", "/a", "/a/b", "/a/b/c", "/a/b/c/f"})
      ASSERT_EQ(::chown((root_ + path).c_str(), kNobody, kNobody), 0);
    ASSERT_EQ(::seteuid(kNobody), 0);
  }
  Result<void> emptied = remove_tree(root_ + "/a");
  EXPECT_TRUE(emptied) << emptied.error().message;
  if (::geteuid() == kNobody) ASSERT_EQ(::seteuid(0), 0);
  EXPECT_FALSE(fs::exists(root_ + "/a"));
}

TEST_F(FileTreeTest, AVisitorsErrorEndsTheWalk) {
  fs::create_directories(root_ + "/a");
  Result<void> walked = walk_tree(root_, [](const TreeEntry& entry) -> Result<void> {
    return fail(codes::kInvalid, "no " + entry.path);
  });
  ASSERT_FALSE(walked);
  EXPECT_EQ(walked.error().message, "no a");
}

}  // namespace
}  // namespace tidemill
