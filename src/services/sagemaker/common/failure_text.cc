#include "services/sagemaker/common/failure_text.h"

#include <algorithm>
#include <vector>

namespace tidemill::services::sagemaker {
namespace {

constexpr std::string_view kTraceback = "Traceback (most recent call last):";

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
  }
  return lines;
}

// "  [bt] (3) /lib/libxgboost.so(XGBoosterUpdateOneIter+0x70) [0x7f..]", and the line before them.
bool is_native_frame(std::string_view line) {
  while (line.starts_with(' ') || line.starts_with('\t')) line.remove_prefix(1);
  return line.starts_with("[bt] (") || line == "Stack trace:" ||
         (line.starts_with("Stack trace returned ") && line.ends_with(':'));
}

std::string without_native_frames(std::string_view text) {
  std::string out;
  bool below_frames = false;
  for (std::string_view line : lines_of(text)) {
    const bool frame = is_native_frame(line);
    const bool blank = line.find_first_not_of(" \t\r") == line.npos;
    // Blank lines after frames belong to the frames.
    if (!frame && !(below_frames && blank)) out.append(line).append("\n");
    below_frames = frame || (below_frames && blank);
  }
  return out;
}

// Lines like `  File "/data/runtimes/python-1/tidemill_serving/worker.py", line 9, in load`.
bool is_own_frame(std::string_view line) {
  constexpr std::string_view kFile = "  File \"";
  if (!line.starts_with(kFile)) return false;
  line.remove_prefix(kFile.size());
  const std::string_view path = line.substr(0, line.find('"'));
  for (std::string_view package :
       {"tidemill_serving/", "tidemill_training/", "tidemill_common/", "tidemill_containers/"}) {
    const std::size_t at = path.find(package);
    if (at != path.npos && (at == 0 || path[at - 1] == '/')) return true;
  }
  return false;
}

// A traceback that consists only of such frames is kept: the fault may be there.
std::string without_own_frames(const std::string& text) {
  std::string out;
  bool in_own_frame = false, has_others = false;
  for (std::string_view line : lines_of(text)) {
    const bool frame = line.starts_with("  File \"");
    // The frame's source line and its markers are indented more deeply.
    if (frame || !line.starts_with("    ")) in_own_frame = frame && is_own_frame(line);
    has_others |= frame && !in_own_frame;
    if (!in_own_frame) out.append(line).append("\n");
  }
  return has_others ? out : text;
}

std::string_view last_lines(std::string_view log, std::size_t count) {
  std::size_t begin = log.size();
  for (std::size_t lines = 0; begin > 0 && lines <= count; ++lines)
    begin = begin == 1 ? 0 : log.rfind('\n', begin - 2) + 1;
  return log.substr(begin);
}

std::string_view last_bytes(std::string_view text, std::size_t count) {
  return text.substr(text.size() - std::min(text.size(), count));
}

void trim_end(std::string& text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ' || text.back() == '\r'))
    text.pop_back();
}

void replace_all(std::string& text, const std::string& from, std::string_view to) {
  if (from.empty()) return;
  for (std::size_t at = text.find(from); at != text.npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

}  // namespace

std::string_view exception_line(std::string_view traceback) {
  const std::size_t begin = traceback.rfind(kTraceback);
  if (begin == traceback.npos) return "";
  // Frames are indented; the exception's line is the first one that is not.
  std::vector<std::string_view> lines = lines_of(traceback.substr(begin));
  for (std::size_t i = 1; i < lines.size(); ++i) {
    std::string_view line = lines[i];
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty() && line.front() != ' ' && line.front() != '\t') return line;
  }
  return "";
}

std::string failure_in_log(std::string_view log, std::size_t bytes_max,
                           std::size_t last_lines_max) {
  const std::size_t begin = log.rfind(kTraceback);
  std::string text = without_native_frames(begin == log.npos ? last_lines(log, last_lines_max)
                                                             : log.substr(begin));
  if (begin != log.npos) text = without_own_frames(text);
  trim_end(text);
  if (text.size() <= bytes_max) return text;
  // The end of the log says what happened, unless much was written after the traceback.
  const std::string head = begin == log.npos ? "..." : std::string(kTraceback) + "\n  ...\n";
  const std::string_view line = exception_line(text).substr(0, bytes_max);
  std::string_view tail = last_bytes(text, bytes_max > head.size() ? bytes_max - head.size() : 0);
  if (begin != log.npos && tail.contains('\n')) tail.remove_prefix(tail.find('\n') + 1);
  if (line.empty() || tail.contains(line)) return (head + std::string(tail)).substr(0, bytes_max);
  constexpr std::string_view kCut = "\n...";
  const std::size_t used = line.size() + kCut.size();
  if (used >= bytes_max) return std::string(line);
  return std::string(line) + std::string(kCut) + std::string(last_bytes(text, bytes_max - used));
}

std::string exception_first(std::string_view log, std::size_t bytes_max,
                            std::size_t last_lines_max) {
  // There may be room for nothing but this line.
  const std::string line(exception_line(log).substr(0, bytes_max));
  if (line.empty()) return failure_in_log(log, bytes_max, last_lines_max);
  const std::size_t used = line.size() + 1;
  if (used >= bytes_max) return line;
  const std::string text = failure_in_log(log, bytes_max - used, last_lines_max);
  return text.empty() || text == line ? line : line + "\n" + text;
}

std::string hide_server_paths(std::string text, const std::string& own_folder,
                              const Programs& programs) {
  replace_all(text, own_folder, "/opt/ml");
  if (!programs.toolkit.empty()) replace_all(text, programs.toolkit + "/", "");
  replace_all(text, programs.self, "tidemill");
  return text;
}

}  // namespace tidemill::services::sagemaker
