// The suite that every driver passes: README.md says how a driver joins it.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "compute/compute.h"
#include "compute/conformance/test_listener.h"

namespace tidemill::compute {

struct DriverUnderTest {
  std::string name;
  // A driver whose whole state is below the folder. Volumes may have any name. It has no runtimes,
  // and runs programs of /bin and /usr/bin.
  std::function<Result<std::unique_ptr<Driver>>(const std::filesystem::path& folder, Clock& clock)>
      open;
};

inline std::vector<DriverUnderTest>& drivers_under_test() {
  static std::vector<DriverUnderTest> drivers;
  return drivers;
}
inline bool add_driver_under_test(DriverUnderTest driver) {
  drivers_under_test().push_back(std::move(driver));
  return true;
}

// The main() of a test program calls it for `--conformance-server <driver> <folder> <scenario>`.
int conformance_server_main(int argc, char** argv);

class DriverConformance : public ::testing::TestWithParam<DriverUnderTest> {
 protected:
  void SetUp() override;
  void TearDown() override;
  // A driver over the state of earlier ones, with a listener of its own.
  void open();
  // The server ends without a word to its jobs.
  void close();
  // Runs a scenario of conformance_server_main() in a server that ends by SIGKILL.
  void run_killed_server(const std::string& scenario);

  static JobSpec script(const std::string& id, const std::string& text);
  JobExit run(const JobSpec& spec);
  // Writes a file into the server's copy of a volume, makes the volume first, and publishes it.
  void write(const std::string& volume, const std::string& file, const std::string& text);
  // Reads the file from the server's copy of the volume, after collect().
  std::string read(const std::string& volume, const std::string& file);
  // The texts of the log's lines from the offset on, which moves.
  std::vector<std::string> log_from(const std::string& id, std::uint64_t& offset);

  SystemClock clock_;
  std::filesystem::path folder_;
  std::unique_ptr<Listener> listener_;
  std::unique_ptr<Driver> driver_;
};

}  // namespace tidemill::compute
