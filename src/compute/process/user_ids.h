// Which user each job runs as. A user is handed out again only when nothing of the job that had it
// is left: no folder, no process. What was handed out is kept on disk.
#pragma once

#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/describe.h"
#include "base/error.h"

namespace tidemill::compute {

// In <directory>/<user id>: who has or had the user.
struct UserRecord {
  std::string job;
  std::vector<std::string> folders;  // the user owns what lies in them
};
TIDEMILL_RECORD(UserRecord, (), (job, folders))

// Thread-safe.
class UserIds {
 public:
  // Users first .. first + count - 1. `directory` is made when it is not there.
  UserIds(std::string directory, std::uint32_t first, std::uint32_t count)
      : directory_(std::move(directory)), first_(first), count_(count) {}

  // A user for the job, which makes and leaves files in `folders` only. Every folder counts as
  // left until it is gone. Tidemill.Overloaded when all users are taken.
  Result<std::uint32_t> take(const std::string& job, const std::vector<std::string>& folders);
  // Records the user of a job that was started before there were records.
  void keep(std::uint32_t user_id, const std::string& job, const std::vector<std::string>& folders);
  // The record goes when nothing is left; else a later sweep looks again.
  void give_back(std::uint32_t user_id);
  // Gives back every user of which nothing is left.
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
  // Takes so far, since the first start; below reserved_, which is on disk. After a crash counting
  // goes on there: a user whose record the machine lost is not handed out next.
  std::uint64_t next_ = 0, reserved_ = 0;
};

}  // namespace tidemill::compute
