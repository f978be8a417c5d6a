#include "base/boot_clock.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

namespace tidemill {
namespace {

using namespace std::chrono_literals;

class BootClockTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() /
              ("tidemill-boot-clock-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
    file_ = folder_ / "clock.json";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  ManualClock wall_{Timestamp{1'700'000'000'000'000}};
  std::filesystem::path folder_;
  std::string file_;
};

TEST_F(BootClockTest, Begins_at_the_wall_clock_and_runs) {
  const BootClock clock = BootClock::open(file_, wall_);
  const Timestamp first = clock.now();
  EXPECT_GE(first, wall_.now());
  EXPECT_LT(first, wall_.now() + 10s);
  std::this_thread::sleep_for(20ms);
  EXPECT_GE(clock.now() - first, 20ms);
}

TEST_F(BootClockTest, Goes_on_across_restarts_whatever_the_wall_clock_did) {
  const Timestamp before = BootClock::open(file_, wall_).now();
  wall_.advance(24h);
  const Timestamp after = BootClock::open(file_, wall_).now();
  EXPECT_GE(after, before);
  EXPECT_LT(after - before, 10s);
  wall_.advance(-48h);
  EXPECT_LT(BootClock::open(file_, wall_).now() - before, 10s);
  EXPECT_GE(BootClock::open(file_, wall_).now(), after);
}

TEST_F(BootClockTest, After_a_reboot_it_begins_at_the_wall_clock_again) {
  (void)BootClock::open(file_, wall_);
  std::ofstream(file_) << R"({"boot_id":"another","offset_microseconds":5})";
  wall_.advance(24h);
  EXPECT_GE(BootClock::open(file_, wall_).now(), wall_.now());
  std::ofstream(file_) << "damaged";
  EXPECT_GE(BootClock::open(file_, wall_).now(), wall_.now());
  wall_.advance(24h);  // the damaged file was replaced
  EXPECT_LT(BootClock::open(file_, wall_).now(), wall_.now());
}

TEST_F(BootClockTest, A_file_that_cannot_be_written_is_no_obstacle) {
  const BootClock clock = BootClock::open(folder_ / "none" / "clock.json", wall_);
  EXPECT_GE(clock.now(), wall_.now());
}

TEST_F(BootClockTest, A_directory_in_the_files_place_is_no_obstacle) {
  std::filesystem::create_directory(file_);
  const BootClock clock = BootClock::open(file_, wall_);
  EXPECT_GE(clock.now(), wall_.now());
  EXPECT_LT(clock.now(), wall_.now() + 10s);
}

}  // namespace
}  // namespace tidemill
