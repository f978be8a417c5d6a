#include "base/boot_clock.h"

#include <ctime>
#include <filesystem>
#include <fstream>

#include "base/describe.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text_file.h"

namespace tidemill {
namespace {

struct Beginning {
  std::string boot_id;
  std::int64_t offset_microseconds = 0;
};
BOOST_DESCRIBE_STRUCT(Beginning, (), (boot_id, offset_microseconds))

std::int64_t since_boot_microseconds() {
  timespec time{};
  ::clock_gettime(CLOCK_BOOTTIME, &time);
  return std::int64_t(time.tv_sec) * 1'000'000 + time.tv_nsec / 1000;
}

std::string boot_id() {
  std::string id = read_text_file("/proc/sys/kernel/random/boot_id").value_or("");
  while (id.ends_with('\n')) id.pop_back();
  return id;
}

// Losing the file costs no more than a reboot, so it is replaced atomically but not synced.
void keep(const std::string& file, const Beginning& beginning) {
  const std::string draft = file + ".new";
  std::error_code problem;
  std::ofstream out(draft, std::ios::trunc);
  out << to_json(beginning) << '\n';
  out.close();
  if (out) std::filesystem::rename(draft, file, problem);
  if (!out || problem)
    log::warning("the clock for durations could not be kept: they begin anew at the next start",
                 {{"file", file}});
}

}  // namespace

BootClock BootClock::open(const std::string& file, const Clock& wall) {
  Beginning now{boot_id(), wall.now().microseconds - since_boot_microseconds()};
  if (Result<Beginning> kept = from_json<Beginning>(read_text_file(file).value_or(""));
      kept && !now.boot_id.empty() && kept->boot_id == now.boot_id)
    return BootClock(kept->offset_microseconds);
  keep(file, now);
  return BootClock(now.offset_microseconds);
}

Timestamp BootClock::now() const { return {since_boot_microseconds() + offset_microseconds_}; }

}  // namespace tidemill
