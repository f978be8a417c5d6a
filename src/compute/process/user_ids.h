// Assigns a user to each job. A user is reused only when nothing of its former job is left: no
// folder, no process. Assignments are kept on disk.
#pragma once

#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/describe.h"
#include "base/error.h"

namespace tidemill::compute {

// In <directory>/<user id>: the job that has or had the user.
struct UserRecord {
  std::string job;
  std::vector<std::string> folders;  // the user owns their contents
};
TIDEMILL_RECORD(UserRecord, (), (job, folders))

// Thread-safe.
class UserIds {
 public:
  // Users first .. first + count - 1. `directory` is created if missing.
  UserIds(std::string directory, std::uint32_t first, std::uint32_t count)
      : directory_(std::move(directory)), first_(first), count_(count) {}

  // Assigns a user to the job, which may leave files only in `folders`. Until a folder is gone, its
  // user is not reused. Tidemill.Overloaded when all users are taken.
  Result<std::uint32_t> take(const std::string& job, const std::vector<std::string>& folders);
  // Records the user of a job that was started by a version without records.
  void keep(std::uint32_t user_id, const std::string& job, const std::vector<std::string>& folders);
  // Removes the record when nothing is left; otherwise a later sweep does.
  void give_back(std::uint32_t user_id);
  // Gives back every user whose job has left nothing.
  void sweep();

 private:
  std::string path(std::uint32_t user_id) const;
  std::uint64_t start_place() const;
  Result<void> reserve();
  bool nothing_left(std::uint32_t user_id, const std::set<std::uint32_t>& running) const;
  std::set<std::uint32_t> users_of_processes() const;

  const std::string directory_;
  const std::uint32_t first_, count_;
  std::mutex mutex_;
  // Assignments since the first start; below reserved_, which is on disk. After a crash counting
  // resumes there, so that a user whose record was lost is not assigned next.
  std::uint64_t next_ = 0, reserved_ = 0;
};

}  // namespace tidemill::compute
