// Structured logs: one line of JSON (or key=value text) per event, on standard error. Levels:
// debug, info, warning, error. Level and format are set once at start.
#pragma once

#include <initializer_list>
#include <string_view>
#include <utility>

#include "base/value.h"

namespace tidemill::log {

enum class Level { debug, info, warning, error };
enum class Format { text, json };

void configure(Level minimum, Format format);
bool enabled(Level level);

using Fields = std::initializer_list<std::pair<std::string_view, Value>>;
// `event` is a short constant sentence ("training job started"); variable parts go into the fields.
// Thread-safe; each line is one system call.
void write(Level level, std::string_view event, Fields fields = {});
inline void debug(std::string_view event, Fields fields = {}) {
  write(Level::debug, event, fields);
}
inline void info(std::string_view event, Fields fields = {}) { write(Level::info, event, fields); }
inline void warning(std::string_view event, Fields fields = {}) {
  write(Level::warning, event, fields);
}
inline void error(std::string_view event, Fields fields = {}) {
  write(Level::error, event, fields);
}

}  // namespace tidemill::log
