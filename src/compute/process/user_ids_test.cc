#include "compute/process/user_ids.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <set>
#include <string>

namespace tidemill::compute {
namespace {

namespace fs = std::filesystem;

class UserIdsTest : public ::testing::Test {
 protected:
  // Far from the users of servers on this machine.
  static constexpr std::uint32_t kFirst = 1'800'000'000;

  void SetUp() override {
    char name[] = "/tmp/tidemill_users_XXXXXX";
    root_ = ::mkdtemp(name);
  }
  void TearDown() override { fs::remove_all(root_); }
  std::string folder(const std::string& name) {
    fs::create_directories(root_ / name);
    return root_ / name;
  }
  UserIds open(std::uint32_t count) { return {root_ / "users", kFirst, count}; }
  fs::path root_;
};

TEST_F(UserIdsTest, AllAreDifferentAlsoAcrossRestarts) {
  constexpr std::uint32_t kCount = 500;
  std::set<std::uint32_t> taken;
  for (int start = 0; start < 4; ++start) {
    UserIds users = open(kCount);
    for (int i = 0; i < 75; ++i) {
      const std::string name = std::to_string(start) + "-" + std::to_string(i);
      auto user = users.take(name, {folder(name)});
      ASSERT_TRUE(user) << user.error().message;
      EXPECT_GE(*user, kFirst);
      EXPECT_LT(*user, kFirst + kCount);
      EXPECT_TRUE(taken.insert(*user).second) << *user;
    }
  }
}

TEST_F(UserIdsTest, OneIsHandedOutAgainWhenItsFilesAreGone) {
  UserIds users = open(2);
  const std::string a = folder("a"), b = folder("b");
  const std::uint32_t first = *users.take("a", {a});
  const std::uint32_t second = *users.take("b", {b});
  EXPECT_NE(first, second);
  EXPECT_EQ(users.take("c", {}).error().code, codes::kOverloaded);
  users.give_back(first);  // its folder is still there
  users.sweep();
  EXPECT_FALSE(users.take("c", {}));
  fs::remove_all(a);
  EXPECT_EQ(*users.take("c", {folder("c")}), first);
}

TEST_F(UserIdsTest, JobsFromBeforeTheRecordsKeepTheirs) {
  UserIds users = open(2);
  const std::string old = folder("old");
  users.keep(kFirst, "old", {old});
  EXPECT_EQ(*users.take("a", {folder("a")}), kFirst + 1);
  EXPECT_FALSE(users.take("b", {}));
  users.keep(kFirst + 1, "not this", {});  // the existing record stays
  EXPECT_FALSE(users.take("b", {}));
}

TEST_F(UserIdsTest, OneWithAProcessIsNotHandedOut) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can change its user";
  UserIds users = open(2);
  const std::uint32_t first = *users.take("a", {});
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setresuid(first, first, first) != 0) ::_exit(1);
    ::execl("/bin/sleep", "sleep", "60", nullptr);
    ::_exit(1);
  }
  ::usleep(100'000);
  const std::uint32_t second = *users.take("b", {folder("b")});
  EXPECT_NE(second, first);
  EXPECT_FALSE(users.take("c", {}));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_EQ(*users.take("c", {}), first);
}

TEST_F(UserIdsTest, AfterALostRecordCountingGoesOn) {
  std::set<std::uint32_t> taken;
  {
    UserIds users = open(1000);
    for (int i = 0; i < 10; ++i) taken.insert(*users.take("a", {folder("a")}));
  }
  // This is the state after a power cut: the counter was synced, the records were not.
  for (const auto& entry : fs::directory_iterator(root_ / "users"))
    if (entry.path().filename() != "next") fs::remove(entry.path());
  UserIds users = open(1000);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(taken.insert(*users.take("b", {folder("b")})).second);
}

}  // namespace
}  // namespace tidemill::compute
