#include "base/age_clock.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace tidemill {
namespace {

using namespace std::chrono_literals;
using std::chrono::days;

class AgeClockTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() /
              ("tidemill-age-clock-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<AgeClock> open() {
    return std::make_unique<AgeClock>((folder_ / "ages.json").string(), wall_, reading_);
  }
  // Real time passes, for both clocks.
  void pass(std::chrono::microseconds by) {
    reading_.since_boot_microseconds += by.count();
    reading_.wall_microseconds += by.count();
  }
  void jump(std::chrono::microseconds by) { reading_.wall_microseconds += by.count(); }
  bool in_doubt() const {
    std::ifstream file(folder_ / "ages.json");
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    return text.find("new_wall_offset_microseconds") != std::string::npos;
  }
  // The machine is off for `off`, by its own wall clock.
  void reboot(std::chrono::microseconds off) {
    reading_.boot_id += "x";
    reading_.since_boot_microseconds = 5'000'000;
    reading_.wall_microseconds += off.count();
  }

  static constexpr std::int64_t kStart = 1'795'447'062'000'000;
  ManualClock wall_{Timestamp{kStart}};
  ClockReading reading_{"boot", 1'000'000, kStart};
  std::filesystem::path folder_;
};

TEST_F(AgeClockTest, Counts_realTimeWhateverTheWallClockDoes) {
  auto clock = open();
  EXPECT_EQ(clock->now(reading_).microseconds, kStart);
  EXPECT_EQ(clock->began().microseconds, kStart);
  pass(3h);
  jump(days(3650));
  clock->look(reading_);
  EXPECT_EQ(clock->now(reading_) - clock->began(), 3h);
  clock = open();  // a restart of the server
  jump(-days(20'000));
  pass(1h);
  EXPECT_EQ(clock->now(reading_) - clock->began(), 4h);
}

TEST_F(AgeClockTest, Reboot_countsAsADayAtTheMost) {
  auto clock = open();
  pass(1h);
  clock->look(reading_);
  reboot(10h);
  clock = open();
  EXPECT_EQ(clock->now(reading_) - clock->began(), 11h);
  reboot(days(3650));
  clock = open();
  EXPECT_EQ(clock->now(reading_) - clock->began(), 35h);
  reboot(-days(20'000));  // an empty battery: 1970
  clock = open();
  EXPECT_EQ(clock->now(reading_) - clock->began(), 35h);
  EXPECT_EQ(clock->began().microseconds, kStart) << "ages of before are still its own";
}

TEST_F(AgeClockTest, Jump_isDoubtedForSevenDays) {
  auto clock = open();
  pass(1h);
  clock->look(reading_);
  EXPECT_EQ(clock->wall_for_deletions(reading_).microseconds, reading_.wall_microseconds);
  jump(days(3650));
  // This holds before the first look as well.
  EXPECT_EQ(clock->wall_for_deletions(reading_).microseconds, kStart + 3'600'000'000);
  for (int hour = 0; hour < 7 * 24; ++hour) {
    clock->look(reading_);
    pass(1h);
    if (hour == 80) clock = open();
    EXPECT_EQ(clock->wall_for_deletions(reading_) - Timestamp{kStart},
              std::chrono::hours(hour + 2));
  }
  clock->look(reading_);
  EXPECT_EQ(clock->wall_for_deletions(reading_).microseconds, reading_.wall_microseconds);
}

TEST_F(AgeClockTest, Jump_thatIsTakenBackLeavesNoTrace) {
  auto clock = open();
  jump(days(100));
  clock->look(reading_);
  pass(days(6));
  jump(-days(100));
  clock->look(reading_);
  EXPECT_EQ(clock->wall_for_deletions(reading_).microseconds, reading_.wall_microseconds);
  jump(days(100));
  clock->look(reading_);
  pass(days(6));
  clock->look(reading_);
  EXPECT_EQ(reading_.wall_microseconds - clock->wall_for_deletions(reading_).microseconds,
            std::chrono::microseconds(days(100)).count());
}

TEST_F(AgeClockTest, First_startIn1970DeletesNothingWhenTheClockIsSet) {
  reading_.wall_microseconds = 60'000'000;
  auto clock = open();
  clock->look(reading_);
  reading_.wall_microseconds = kStart;
  clock->look(reading_);
  EXPECT_LT(clock->wall_for_deletions(reading_).microseconds, 3'600'000'000);
  EXPECT_LT(clock->now(reading_) - clock->began(), 1h);
  pass(days(7));
  clock->look(reading_);
  EXPECT_EQ(clock->wall_for_deletions(reading_).microseconds, reading_.wall_microseconds);
}

TEST_F(AgeClockTest, Small_correctionsAreFollowed) {
  auto clock = open();
  for (int i = 0; i < 5; ++i) {
    jump(20h);
    EXPECT_EQ(clock->wall_for_deletions(reading_).microseconds, reading_.wall_microseconds);
    clock->look(reading_);
  }
}

TEST_F(AgeClockTest, Jump_beginsAt26Hours) {
  auto clock = open();
  jump(26h - 1us);
  EXPECT_EQ(clock->wall_for_deletions(reading_).microseconds, reading_.wall_microseconds);
  clock->look(reading_);
  jump(26h);
  EXPECT_EQ(reading_.wall_microseconds - clock->wall_for_deletions(reading_).microseconds,
            std::chrono::microseconds(26h).count());
}

TEST_F(AgeClockTest, Weekends_leaveTheWallClockTrusted) {
  auto clock = open();
  std::chrono::microseconds certain{0};
  for (int week = 0; week < 52; ++week) {
    for (int half_day = 0; half_day < 9; ++half_day) {
      pass(12h);
      certain += 12h;
      clock->look(reading_);
      ASSERT_EQ(clock->wall_for_deletions(reading_).microseconds, reading_.wall_microseconds);
      ASSERT_FALSE(in_doubt()) << "week " << week;
    }
    // From Friday's evening on, and over Christmas for longer.
    reboot(week == 50 ? std::chrono::microseconds(days(17)) : std::chrono::microseconds(60h));
    certain += days(1);
    clock = open();
    ASSERT_EQ(clock->wall_for_deletions(reading_).microseconds, reading_.wall_microseconds);
    ASSERT_FALSE(in_doubt()) << "week " << week;
    ASSERT_EQ(clock->now(reading_) - clock->began(), certain) << "the quarantine's time";
  }
}

TEST_F(AgeClockTest, Jump_ofYearsAtABootIsDoubted) {
  auto clock = open();
  pass(1h);
  clock->look(reading_);
  reboot(days(3650));
  clock = open();
  EXPECT_TRUE(in_doubt());
  // At the most a day that the machine may have been off.
  std::chrono::microseconds expected = 25h;
  EXPECT_EQ(clock->wall_for_deletions(reading_) - Timestamp{kStart}, expected);
  pass(days(3));
  expected += days(3);
  clock->look(reading_);
  // A weekend in the doubt neither ends it nor begins it anew.
  reboot(60h);
  expected += 60h;
  clock = open();
  EXPECT_EQ(clock->wall_for_deletions(reading_) - Timestamp{kStart}, expected);
  pass(days(3) - 1h);
  expected += days(3) - 1h;
  clock->look(reading_);
  EXPECT_EQ(clock->wall_for_deletions(reading_) - Timestamp{kStart}, expected);
  pass(1h);  // the seventh day: the weekend counts as one
  clock->look(reading_);
  EXPECT_EQ(clock->wall_for_deletions(reading_).microseconds, reading_.wall_microseconds);
}

TEST_F(AgeClockTest, Off_forThirtyDaysIsBelievedAndMoreIsDoubted) {
  auto clock = open();
  reboot(days(30));
  clock = open();
  EXPECT_FALSE(in_doubt());
  EXPECT_EQ(clock->wall_for_deletions(reading_).microseconds, reading_.wall_microseconds);
  const Timestamp before{reading_.wall_microseconds};
  reboot(std::chrono::microseconds(days(30)) + 1us);
  clock = open();
  EXPECT_TRUE(in_doubt());
  EXPECT_EQ(clock->wall_for_deletions(reading_) - before, days(1));
  EXPECT_EQ(clock->now(reading_) - clock->began(), days(2));
}

TEST_F(AgeClockTest, Jump_withinABootIsNotBelievedForAReboot) {
  auto clock = open();
  jump(days(20));
  clock->look(reading_);
  reboot(60h);
  clock = open();
  EXPECT_TRUE(in_doubt());
  EXPECT_EQ(clock->wall_for_deletions(reading_) - Timestamp{kStart}, 60h);
}

TEST_F(AgeClockTest, Jump_thatARebootTakesBackLeavesNoTrace) {
  auto clock = open();
  for (const std::chrono::microseconds by : {days(3650), -days(20'000)}) {
    jump(by);
    clock->look(reading_);
    EXPECT_TRUE(in_doubt());
    reboot(std::chrono::microseconds(60h) - by);
    clock = open();
    EXPECT_FALSE(in_doubt());
    EXPECT_EQ(clock->wall_for_deletions(reading_).microseconds, reading_.wall_microseconds);
  }
}

TEST_F(AgeClockTest, Damaged_fileBeginsAnew) {
  open();
  std::ofstream(folder_ / "ages.json") << "{";
  pass(days(9));
  auto clock = open();
  EXPECT_EQ(clock->began().microseconds, reading_.wall_microseconds);
}

}  // namespace
}  // namespace tidemill
