// Measures a job's use of its volume. Most file systems have no quotas for
// folders, so the shim measures while the job runs and ends it when it exceeds its
// volume.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace tidemill::compute {

inline constexpr std::chrono::milliseconds kVolumeLookInterval{500};

class VolumeWatch {
 public:
  // The folders' contents may take bytes_max; 0: no limit. `processes` lists the job's processes,
  // whose deleted files still take space.
  VolumeWatch(std::vector<std::string> folders, std::uint64_t bytes_max,
              std::function<std::vector<int>()> processes)
      : folders_(std::move(folders)), bytes_max_(bytes_max), processes_(std::move(processes)) {}
  VolumeWatch() = default;

  bool is_limited() const { return bytes_max_ > 0; }
  // Cheap unless the file system has lost as much space as the job had left, or half a minute has
  // passed: then it walks the folders. Gives up, until the next check, when `interrupted`.
  bool is_exceeded(const std::function<bool()>& interrupted);

 private:
  using Clock = std::chrono::steady_clock;
  // Stops slightly above the limit.
  std::uint64_t measure(const std::function<bool()>& interrupted);
  std::uint64_t bytes_of_deleted_files(std::uint64_t device) const;
  std::uint64_t free_bytes() const;

  std::vector<std::string> folders_;
  std::uint64_t bytes_max_ = 0;
  std::function<std::vector<int>()> processes_;
  std::uint64_t bytes_used_ = 0, bytes_free_ = 0;  // at the last measurement
  Clock::time_point measure_at_ = {}, measure_not_before_ = {};
};

}  // namespace tidemill::compute
