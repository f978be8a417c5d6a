#include "compute/process/job_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include "base/descriptor.h"
#include "base/utf8.h"

namespace tidemill::compute {

TIDEMILL_RECORD_CODEC(ShimSpec)
TIDEMILL_RECORD_CODEC(ShimState)

Error system_error(std::string what) {
  int number = errno;
  const char* code = codes::kIo;
  if (number == ENOENT) code = codes::kNotFound;
  if (number == ENOSPC || number == EDQUOT) code = codes::kStorageFull;
  return Error{code, std::move(what) + ": " + std::strerror(number)};
}

Result<std::string> read_file(const std::string& path) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return fail(system_error("open " + path));
  std::string text;
  char buffer[16 * 1024];
  for (;;) {
    ssize_t count = ::read(file.get(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(system_error("read " + path));
    if (count == 0) return text;
    text.append(buffer, static_cast<std::size_t>(count));
  }
}

Result<void> write_file_durably(const std::string& path, std::string_view text) {
  const std::string temporary = path + ".new";
  Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file) return fail(system_error("open " + temporary));
  if (!write_all(file.get(), text)) return fail(system_error("write " + temporary));
  if (::fsync(file.get()) != 0) return fail(system_error("fsync " + temporary));
  if (::rename(temporary.c_str(), path.c_str()) != 0) return fail(system_error("rename " + path));
  const std::string parent = std::filesystem::path(path).parent_path();
  Descriptor folder(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder || ::fsync(folder.get()) != 0) return fail(system_error("fsync " + parent));
  return {};
}

Result<std::optional<JobExit>> read_exit(const JobFiles& files) {
  Result<JobExit> found = read_record<JobExit>(files.exit());
  if (found) return std::optional(*std::move(found));
  if (found.error().code == codes::kNotFound) return std::optional<JobExit>();
  return fail(found.error());
}

LogLine parse_log_record(std::string_view record) {
  LogLine line{{}, {}, 0};
  const char* last = record.data() + record.size();
  auto [after, problem] = std::from_chars(record.data(), last, line.time.microseconds);
  // A record torn by a power cut keeps its text and has no time.
  if (problem == std::errc() && after != last && *after == ' ')
    record.remove_prefix(static_cast<std::size_t>(after - record.data()) + 1);
  line.text = to_valid_utf8(record);
  return line;
}

std::vector<LogLine> parse_log(std::string_view bytes, std::uint64_t offset) {
  std::vector<LogLine> lines;
  for (;;) {
    const std::size_t end = bytes.find('\n');
    if (end == bytes.npos) return lines;
    std::string_view record = bytes.substr(0, end);
    bytes.remove_prefix(end + 1);
    offset += end + 1;
    LogLine line = parse_log_record(record);
    line.offset = offset;
    lines.push_back(std::move(line));
  }
}

std::uint64_t process_start_ticks(int pid) {
  Result<std::string> text = read_file("/proc/" + std::to_string(pid) + "/stat");
  if (!text) return 0;
  // "pid (comm) state ppid ...": comm may hold anything, so fields count from the last ')'.
  std::size_t position = text->rfind(')');
  if (position == text->npos) return 0;
  constexpr int kFieldsBeforeStartTime = 20;  // from "state" to field 22
  for (int field = 0; field < kFieldsBeforeStartTime; ++field) {
    position = text->find(' ', position + 1);
    if (position == text->npos) return 0;
  }
  return std::strtoull(text->c_str() + position + 1, nullptr, 10);
}

namespace {

std::vector<int> child_processes_by_scan(int pid) {
  std::vector<int> children;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != name.npos) continue;
    Result<std::string> stat = read_file(entry.path() / "stat");
    if (!stat) continue;
    const std::size_t position = stat->rfind(')');
    if (position == stat->npos || position + 4 >= stat->size()) continue;
    if (std::atoi(stat->c_str() + position + 4) == pid) children.push_back(std::stoi(name));
  }
  return children;
}

}  // namespace

std::vector<int> child_processes(int pid) {
  std::vector<int> children;
  const std::string tasks = "/proc/" + std::to_string(pid) + "/task";
  std::error_code problem;
  for (const auto& task : std::filesystem::directory_iterator(tasks, problem)) {
    Result<std::string> text = read_file(task.path() / "children");
    if (!text) return child_processes_by_scan(pid);  // a kernel without CONFIG_PROC_CHILDREN
    const char* position = text->c_str();
    for (;;) {
      char* end = nullptr;
      const long child = std::strtol(position, &end, 10);
      if (end == position) break;
      children.push_back(static_cast<int>(child));
      position = end;
    }
  }
  return children;
}

}  // namespace tidemill::compute
