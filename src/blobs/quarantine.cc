#include "blobs/quarantine.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <set>

#include "base/crash_point.h"
#include "base/log.h"

namespace tidemill::blobs {

namespace fs = std::filesystem;

namespace {
constexpr std::int64_t kMicroseconds = 1'000'000;
}

Result<void> Quarantine::load() {
  std::error_code error;
  if (!fs::exists(folder_, error)) return {};
  std::lock_guard lock(mutex_);
  for (auto entry = fs::recursive_directory_iterator(folder_, error);
       !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    if (!entry->is_regular_file(error)) continue;
    const std::string below = entry->path().string().substr(folder_.size() + 1);
    const std::size_t slash = below.find('/');
    std::int64_t seconds = 0;
    auto [end, failed] = std::from_chars(below.data(), below.data() + below.size(), seconds);
    if (slash == std::string::npos || failed != std::errc() || end != below.data() + slash)
      continue;
    entries_[below.substr(slash + 1)] = {seconds, entry->file_size(error)};
  }
  if (error) return fail(system_error("list", folder_, error.value()));
  return {};
}

Result<void> Quarantine::take(const std::string& path, Timestamp now) {
  const std::int64_t seconds = now.microseconds / kMicroseconds;
  const std::string from = root_ + "/" + path;
  const std::string to = path_of(path, seconds);
  struct stat status{};
  if (::stat(from.c_str(), &status) != 0) return fail(system_error("look at", from, errno));
  std::error_code error;
  fs::create_directories(fs::path(to).parent_path(), error);
  if (error) return fail(system_error("make the directory of", to, error.value()));
  std::lock_guard lock(mutex_);
  crash_point();
  if (::rename(from.c_str(), to.c_str()) != 0)
    return fail(system_error("move to quarantine", from, errno));
  crash_point();
  entries_[path] = {seconds, std::uint64_t(status.st_size)};
  return {};
}

bool Quarantine::restore(const std::string& path) {
  std::lock_guard lock(mutex_);
  auto found = entries_.find(path);
  if (found == entries_.end()) return false;
  const std::string from = path_of(path, found->second.taken_seconds);
  const std::string to = root_ + "/" + path;
  std::error_code ignored;
  fs::create_directories(fs::path(to).parent_path(), ignored);
  if (::rename(from.c_str(), to.c_str()) != 0) {
    log::error("a blob cannot be brought back from quarantine",
               {{"path", from}, {"reason", system_error("rename", from, errno).message}});
    return false;
  }
  log::warning("a blob that a record names was brought back from quarantine", {{"path", to}});
  entries_.erase(found);
  return true;
}

bool Quarantine::holds(const std::string& path) const {
  std::lock_guard lock(mutex_);
  return entries_.contains(path);
}

std::vector<std::string> Quarantine::names_below(std::string_view folder) const {
  std::vector<std::string> names;
  const std::string prefix = std::string(folder) + "/";
  std::lock_guard lock(mutex_);
  for (auto entry = entries_.lower_bound(prefix);
       entry != entries_.end() && entry->first.starts_with(prefix); ++entry)
    names.push_back(entry->first.substr(prefix.size()));
  return names;
}

std::int64_t Quarantine::age_from_seconds(std::int64_t taken_seconds,
                                          std::int64_t now_seconds) const {
  // If this clock's beginning is unknown, an entry whose time lies in the future never expires.
  if (!ages_began_) return taken_seconds;
  const std::int64_t began_seconds = ages_began_->microseconds / kMicroseconds;
  // Another clock took it; it has been here at least as long as this clock counts.
  return taken_seconds > now_seconds ? began_seconds : std::max(taken_seconds, began_seconds);
}

std::size_t Quarantine::delete_expired(Timestamp now) {
  const std::int64_t now_seconds = now.microseconds / kMicroseconds;
  std::size_t deleted = 0;
  std::set<std::string> folders;
  std::lock_guard lock(mutex_);
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    const std::int64_t taken_seconds = entry->second.taken_seconds;
    if (age_from_seconds(taken_seconds, now_seconds) > now_seconds - kept_.count()) {
      ++entry;
      continue;
    }
    const std::string path = path_of(entry->first, taken_seconds);
    if (::unlink(path.c_str()) == 0) ++deleted;
    folders.insert(folder_ + "/" + std::to_string(taken_seconds));
    entry = entries_.erase(entry);
  }
  std::error_code ignored;
  // The folders are empty by now, since entries of the same second expire together.
  for (const std::string& folder : folders) fs::remove_all(folder, ignored);
  if (deleted > 0)
    log::info(
        "blobs without a record deleted from quarantine",
        {{"count", std::int64_t(deleted)}, {"kept_days", std::int64_t(kept_.count() / 86'400)}});
  return deleted;
}

QuarantineStatistics Quarantine::statistics() const {
  QuarantineStatistics statistics;
  std::lock_guard lock(mutex_);
  for (const auto& [path, entry] : entries_) {
    ++statistics.files;
    statistics.bytes += entry.bytes;
  }
  return statistics;
}

}  // namespace tidemill::blobs
