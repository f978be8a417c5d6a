#include "compute/process/log_reader.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "base/descriptor.h"
#include "compute/process/job_files.h"

namespace tidemill::compute {

namespace {

// The most of a log that one call reads.
constexpr std::size_t kPartBytesMax = 16u << 20;
// The bytes of a record besides its text: the time and two separators.
constexpr std::size_t kRecordBytes = 64;

Result<Descriptor> open_log(const std::string& path) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return fail(system_error("open " + path));
  return file;
}

Result<std::string> read_at(const Descriptor& file, const std::string& path, off_t begin,
                            std::size_t bytes) {
  std::string text(bytes, '\0');
  const ssize_t count = ::pread(file.get(), text.data(), bytes, begin);
  if (count < 0) return fail(system_error("read " + path));
  text.resize(static_cast<std::size_t>(count));
  return text;
}

// Parses whole records of a log file one at a time, since a log may have millions of short lines.
// Moments are at least this far apart, so that they take little memory.
LogTail tail_of(std::string_view records, std::size_t bytes_max) {
  constexpr std::int64_t kMomentMicroseconds = 1000;
  LogTail tail;
  std::size_t lines = 0;
  while (true) {
    const std::size_t end = records.find('\n');
    if (end == records.npos) break;
    const LogLine line = parse_log_record(records.substr(0, end));
    records.remove_prefix(end + 1);
    tail.text.append(line.text).append("\n");
    // A damaged record without a time has the time of the previous one.
    const bool moved =
        line.time.microseconds != 0 &&
        (tail.moments.empty() ||
         std::abs((line.time - tail.moments.back().time).count()) >= kMomentMicroseconds);
    if (moved) tail.moments.push_back({lines, line.time});
    ++lines;
  }
  if (tail.text.size() <= bytes_max) return tail;
  const std::size_t cut = tail.text.size() - bytes_max;
  const auto gone =
      static_cast<std::size_t>(std::count(tail.text.begin(), tail.text.begin() + cut, '\n'));
  tail.text.erase(0, cut);
  // Keep the moment of the first remaining line.
  auto first = std::ranges::upper_bound(tail.moments, gone, {}, &LogTail::Moment::line);
  if (first != tail.moments.begin()) --first;
  tail.moments.erase(tail.moments.begin(), first);
  for (LogTail::Moment& moment : tail.moments)
    moment.line = moment.line > gone ? moment.line - gone : 0;
  return tail;
}

}  // namespace

Result<LogPart> read_log_part(const std::string& path, std::uint64_t offset,
                              std::size_t bytes_max) {
  const Descriptor file = TRY(open_log(path));
  const std::size_t wanted = std::clamp(bytes_max, kLogLineBytesMax + kRecordBytes, kPartBytesMax);
  const std::string bytes = TRY(read_at(file, path, static_cast<off_t>(offset), wanted));
  LogPart part;
  part.lines = parse_log(bytes, offset);
  // More was read than asked for, so that a line of any length fits.
  const auto kept = std::ranges::find_if(
      part.lines, [&](const LogLine& line) { return line.offset - offset > bytes_max; });
  part.lines.erase(kept == part.lines.begin() && kept != part.lines.end() ? kept + 1 : kept,
                   part.lines.end());
  part.next = part.lines.empty() ? offset : part.lines.back().offset;
  return part;
}

Result<LogTail> read_log_tail(const std::string& path, std::size_t bytes_max) {
  const Descriptor file = TRY(open_log(path));
  const off_t size = ::lseek(file.get(), 0, SEEK_END);
  // Records are longer than their text, so this many bytes give at most that much text; twice as
  // many leave room for the times.
  const off_t begin = std::max<off_t>(0, size - off_t(bytes_max) * 2 - off_t(kLogLineBytesMax));
  std::string bytes = TRY(read_at(file, path, begin, static_cast<std::size_t>(size - begin)));
  if (begin > 0) bytes.erase(0, bytes.find('\n') + 1);
  return tail_of(bytes, bytes_max);
}

}  // namespace tidemill::compute
