#include "base/age_clock.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

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
  // Real time passes for both clocks.
  void pass(std::chrono::microseconds by) {
    reading_.since_boot_microseconds += by.count();
    reading_.wall_microseconds += by.count();
  }
  void jump(std::chrono::microseconds by) { reading_.wall_microseconds += by.count(); }
  // The machine is off for that long, by its own wall clock.
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
  reboot(-days(20'000));  // a battery that is empty: 1970
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
  // Before any look at it, too.
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

TEST_F(AgeClockTest, Damaged_fileBeginsAnew) {
  open();
  std::ofstream(folder_ / "ages.json") << "{";
  pass(days(9));
  auto clock = open();
  EXPECT_EQ(clock->began().microseconds, reading_.wall_microseconds);
}

}  // namespace
}  // namespace tidemill
