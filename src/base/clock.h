// Time as a dependency, so that tests and labs can run a month of schedules in a second.
#pragma once

#include <atomic>
#include <chrono>

#include "base/error.h"
#include "base/value.h"

namespace tidemill {

class Clock {
 public:
  virtual ~Clock() = default;
  // Wall-clock time, UTC. Thread-safe.
  virtual Timestamp now() const = 0;
};

class SystemClock final : public Clock {
 public:
  Timestamp now() const override;
};

// Moves only when told to. Thread-safe.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Timestamp start) : microseconds_(start.microseconds) {}
  Timestamp now() const override { return {microseconds_.load()}; }
  void advance(std::chrono::microseconds by) { microseconds_ += by.count(); }

 private:
  std::atomic<std::int64_t> microseconds_;
};

inline Timestamp operator+(Timestamp time, std::chrono::microseconds by) {
  return {time.microseconds + by.count()};
}
inline std::chrono::microseconds operator-(Timestamp later, Timestamp earlier) {
  return std::chrono::microseconds(later.microseconds - earlier.microseconds);
}

// "2026-11-23T15:17:42.123Z": RFC 3339, milliseconds only when not zero.
std::string format_iso8601(Timestamp time);
// "Mon, 23 Nov 2026 15:17:42 GMT": RFC 7231 IMF-fixdate.
std::string format_http_date(Timestamp time);
// Accepts both formats, with an optional offset or fraction of a second. Else Tidemill.Invalid.
Result<Timestamp> parse_iso8601(std::string_view text);
Result<Timestamp> parse_http_date(std::string_view text);

}  // namespace tidemill
