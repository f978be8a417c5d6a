#include "compute/process/user_ids.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>

#include "base/descriptor.h"
#include "base/log.h"
#include "compute/process/job_files.h"

namespace tidemill::compute {

TIDEMILL_RECORD_CODEC(UserRecord)

namespace {

namespace fs = std::filesystem;

constexpr const char* kCounterName = "next";
// Number of users reserved at once, so that not every job waits for the disk.
constexpr std::uint64_t kReservation = 64;

bool exists(const std::string& path) {
  struct stat status;
  return ::lstat(path.c_str(), &status) == 0 || errno != ENOENT;
}

// nullopt for names that are no user's.
std::optional<std::uint32_t> user_of_name(const std::string& name) {
  std::uint32_t user_id = 0;
  const char* end = name.data() + name.size();
  const auto [after, problem] = std::from_chars(name.data(), end, user_id);
  if (problem != std::errc() || after != end) return std::nullopt;
  return user_id;
}

}  // namespace

std::string UserIds::path(std::uint32_t user_id) const {
  return directory_ + "/" + std::to_string(user_id);
}

// Servers of one machine share its users, each beginning somewhere else: by its folder's name.
std::uint64_t UserIds::start_place() const {
  std::uint64_t hash = 14695981039346656037u;  // FNV-1a
  for (unsigned char byte : directory_) hash = (hash ^ byte) * 1099511628211u;
  return hash % count_;
}

Result<void> UserIds::reserve() {
  if (next_ < reserved_) return {};
  const std::string counter = directory_ + "/" + kCounterName;
  if (reserved_ == 0) {
    if (::mkdir(directory_.c_str(), 0700) != 0 && errno != EEXIST)
      return fail(system_error("make " + directory_));
    Result<std::string> text = read_file(counter);
    if (!text && text.error().code != codes::kNotFound) return fail(text.error());
    next_ = text ? std::strtoull(text->c_str(), nullptr, 10) : start_place();
  }
  TRY(write_file_durably(counter, std::to_string(next_ + kReservation)));
  reserved_ = next_ + kReservation;
  return {};
}

std::set<std::uint32_t> UserIds::users_of_processes() const {
  std::set<std::uint32_t> users;
  std::error_code problem;
  for (const auto& entry : fs::directory_iterator("/proc", problem)) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != name.npos) continue;
    struct stat status;
    if (::stat(entry.path().c_str(), &status) == 0 && status.st_uid >= first_ &&
        status.st_uid - first_ < count_)
      users.insert(status.st_uid);
  }
  return users;
}

bool UserIds::nothing_left(std::uint32_t user_id, const std::set<std::uint32_t>& running) const {
  if (running.contains(user_id)) return false;
  Result<UserRecord> record = read_record<UserRecord>(path(user_id));
  if (!record) return record.error().code == codes::kNotFound;
  return std::ranges::none_of(record->folders, exists);
}

Result<std::uint32_t> UserIds::take(const std::string& job,
                                    const std::vector<std::string>& folders) {
  const std::string text = to_json(UserRecord{job, folders});
  const std::set<std::uint32_t> running = users_of_processes();
  std::lock_guard lock(mutex_);
  for (std::uint32_t tried = 0; tried < count_; ++tried) {
    TRY(reserve());
    const std::uint32_t user_id = first_ + static_cast<std::uint32_t>(next_++ % count_);
    if (!nothing_left(user_id, running)) continue;
    Descriptor file(::open(path(user_id).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!file || !write_all(file.get(), text)) return fail(system_error("write a user's record"));
    return user_id;
  }
  return fail(codes::kOverloaded, "all " + std::to_string(count_) +
                                      " users for jobs are taken by jobs whose files or "
                                      "processes are still there");
}

void UserIds::keep(std::uint32_t user_id, const std::string& job,
                   const std::vector<std::string>& folders) {
  std::lock_guard lock(mutex_);
  ::mkdir(directory_.c_str(), 0700);
  Descriptor file(::open(path(user_id).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (file) write_all(file.get(), to_json(UserRecord{job, folders}));
}

void UserIds::give_back(std::uint32_t user_id) {
  if (user_id < first_ || user_id - first_ >= count_) return;
  const std::set<std::uint32_t> running = users_of_processes();
  std::lock_guard lock(mutex_);
  if (nothing_left(user_id, running)) ::unlink(path(user_id).c_str());
}

void UserIds::sweep() {
  const std::set<std::uint32_t> running = users_of_processes();
  std::lock_guard lock(mutex_);
  std::error_code problem;
  for (const auto& entry : fs::directory_iterator(directory_, problem)) {
    const auto user_id = user_of_name(entry.path().filename());
    if (user_id && nothing_left(*user_id, running)) ::unlink(entry.path().c_str());
  }
}

}  // namespace tidemill::compute
