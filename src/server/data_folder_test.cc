#include "server/data_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "base/crash_point.h"

namespace tidemill::server {
namespace {

namespace filesystem = std::filesystem;
using testing::HasSubstr;

std::string read(const filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

class DataFolderTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/tidemill-folder-XXXXXX";
    folder_ = mkdtemp(name);
  }
  void TearDown() override { filesystem::remove_all(folder_); }
  void write(const char* name, const std::string& text) {
    filesystem::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << text;
  }
  void write_version(int version) {
    write(kFormatFile, R"({"version":)" + std::to_string(version) + R"(,"written_by":"9.9.9"})");
  }
  // Two steps with work to do; each is done or not, whatever was done before.
  static std::vector<FolderMigration> steps() {
    return {{2, "old is called new",
             [](const filesystem::path& folder) -> Result<void> {
               std::error_code error;
               if (filesystem::exists(folder / "old")) {
                 crash_point();
                 filesystem::rename(folder / "old", folder / "new", error);
                 crash_point();
               }
               if (error) return fail(codes::kIo, error.message());
               return {};
             }},
            {3, "new says three", [](const filesystem::path& folder) -> Result<void> {
               crash_point();
               std::ofstream(folder / "new.draft") << "three";
               crash_point();
               filesystem::rename(folder / "new.draft", folder / "new");
               return {};
             }}};
  }
  filesystem::path folder_;
};

TEST_F(DataFolderTest, New_folderGetsTheNewestVersionAndNoMigration) {
  EXPECT_TRUE(is_new_data_folder(folder_));
  ASSERT_TRUE(check_data_folder(folder_, steps()));
  auto never = steps();
  never[0].run = never[1].run = [](const filesystem::path&) -> Result<void> {
    return fail(codes::kIo, "must not run");
  };
  ASSERT_TRUE(migrate_data_folder(folder_, true, never));
  EXPECT_FALSE(is_new_data_folder(folder_));
  EXPECT_THAT(read(folder_ / kFormatFile), HasSubstr("\"version\":3"));
  EXPECT_TRUE(migrate_data_folder(folder_, false, never));
}

TEST_F(DataFolderTest, Folder_withoutAVersionIsOfVersionOne) {
  write("state/tidemill.db", "");
  write("old", "one");
  EXPECT_FALSE(is_new_data_folder(folder_));
  ASSERT_TRUE(check_data_folder(folder_, steps()));
  ASSERT_TRUE(migrate_data_folder(folder_, false, steps()));
  EXPECT_EQ(read(folder_ / "new"), "three");
  EXPECT_THAT(read(folder_ / kFormatFile), HasSubstr("\"version\":3"));
}

TEST_F(DataFolderTest, Migrations_thatRanDoNotRunAgain) {
  write_version(2);
  write("old", "of somebody else");
  ASSERT_TRUE(migrate_data_folder(folder_, false, steps()));
  EXPECT_EQ(read(folder_ / "old"), "of somebody else");
  EXPECT_EQ(read(folder_ / "new"), "three");
}

TEST_F(DataFolderTest, Newer_versionIsRefusedAndTheMessageSaysWhatToDo) {
  write_version(7);
  const std::string before = read(folder_ / kFormatFile);
  for (const Result<void>& refused :
       {check_data_folder(folder_, steps()), migrate_data_folder(folder_, false, steps())}) {
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, codes::kInvalid);
    for (const char* part : {"has version 7", "written by Tidemill 9.9.9", "up to 3", "--data"})
      EXPECT_THAT(refused.error().message, HasSubstr(part));
  }
  EXPECT_EQ(read(folder_ / kFormatFile), before);
}

TEST_F(DataFolderTest, Version_thatCannotBeReadIsRefused) {
  for (const char* text :
       {"", "{", "{}", "[2]", R"({"version":"2","written_by":""})",
        R"({"version":0,"written_by":"x"})", R"({"version":-1,"written_by":""})"}) {
    write(kFormatFile, text);
    EXPECT_FALSE(check_data_folder(folder_, steps())) << text;
  }
}

TEST_F(DataFolderTest, Failure_ofAMigrationNamesItAndLeavesTheVersion) {
  write("state/x", "");
  auto failing = steps();
  failing[1].run = [](const filesystem::path&) -> Result<void> {
    return fail(codes::kStorageFull, "the disk is full");
  };
  Result<void> failed = migrate_data_folder(folder_, false, failing);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, codes::kStorageFull);
  EXPECT_THAT(failed.error().message, HasSubstr("version 3 (new says three): the disk is full"));
  EXPECT_THAT(read(folder_ / kFormatFile), HasSubstr("\"version\":2"));
}

// Killed at each place where it matters, then started again.
TEST_F(DataFolderTest, Migration_killedAnywhereIsFinishedByTheNextStart) {
  int killed = 0;
  for (int place = 1; place < 40; ++place) {
    filesystem::remove_all(folder_);
    write("state/tidemill.db", "");
    write("old", "one");
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::setenv("TIDEMILL_CRASH_AT", std::to_string(place).c_str(), 1);
      arm_crash_points();
      _exit(migrate_data_folder(folder_, false, steps()) ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    if (WIFEXITED(status)) {
      EXPECT_EQ(WEXITSTATUS(status), 0);
      break;
    }
    ASSERT_EQ(WTERMSIG(status), SIGKILL);
    ++killed;
    ASSERT_TRUE(check_data_folder(folder_, steps())) << place;
    ASSERT_TRUE(migrate_data_folder(folder_, false, steps())) << place;
    EXPECT_EQ(read(folder_ / "new"), "three") << place;
    EXPECT_FALSE(filesystem::exists(folder_ / "old")) << place;
    EXPECT_THAT(read(folder_ / kFormatFile), HasSubstr("\"version\":3")) << place;
  }
  EXPECT_GE(killed, 10);
}

TEST(FolderMigrations, Are_inOrderFromTwo) {
  int next = kFirstFolderVersion + 1;
  for (const FolderMigration& migration : folder_migrations()) EXPECT_EQ(migration.version, next++);
  EXPECT_EQ(folder_version(), next - 1);
}

}  // namespace
}  // namespace tidemill::server
