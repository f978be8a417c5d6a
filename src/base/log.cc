#include "base/log.h"

#include <unistd.h>

#include <atomic>
#include <string>

#include "base/clock.h"
#include "base/json.h"

namespace tidemill::log {
namespace {

std::atomic<Level> minimum_level{Level::info};
std::atomic<Format> line_format{Format::text};

const char* name_of(Level level) {
  switch (level) {
    case Level::debug:
      return "debug";
    case Level::info:
      return "info";
    case Level::warning:
      return "warning";
    case Level::error:
      return "error";
  }
  return "?";
}

void append_text_value(const Value& value, std::string& line) {
  const std::string* text = value.as_string();
  if (text && !text->empty() && text->find_first_of(" \"=\n\t") == std::string::npos)
    line += *text;
  else
    write_json(value, line);
}

}  // namespace

void configure(Level minimum, Format format) {
  minimum_level = minimum;
  line_format = format;
}

bool enabled(Level level) { return level >= minimum_level.load(std::memory_order_relaxed); }

void write(Level level, std::string_view event, Fields fields) {
  if (!enabled(level)) return;
  std::string time = format_iso8601(SystemClock().now());
  std::string line;
  if (line_format.load(std::memory_order_relaxed) == Format::json) {
    ValueObject object;
    object.append("time", time);
    object.append("level", name_of(level));
    object.append("event", event);
    for (const auto& [key, value] : fields) object.append(std::string(key), value);
    line = write_json(object);
  } else {
    line = time + " " + name_of(level) + " " + std::string(event);
    for (const auto& [key, value] : fields) {
      line += " ";
      line += key;
      line += "=";
      append_text_value(value, line);
    }
  }
  line += '\n';
  [[maybe_unused]] ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace tidemill::log
