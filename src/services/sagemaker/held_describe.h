// A Describe of something on its way waits a while for its next status: clients poll every 5 to 60
// seconds, so what takes one second would seem to take a poll.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "engine/engine.h"
#include "services/service.h"

namespace tidemill::services::sagemaker {

// Thread-safe.
class HeldDescribes {
 public:
  using Clock = std::chrono::steady_clock;

  // `machine`: whose records are waited for.
  HeldDescribes(engine::Engine& engine, std::string machine)
      : engine_(engine), machine_(std::move(machine)) {}

  // How many of all kinds together may wait at the same time, since each keeps a worker: a quarter
  // of the workers, who are one pool for the whole process. Further ones answer at once. Called
  // before the server serves.
  static void share_workers(std::size_t workers) { held_max_ = workers / kWorkersDivisor; }

  // Until changed(record), the record is gone, `until`, a moment before the request's deadline, or
  // the server stops. False when it did not wait: it is too late, or too many do already.
  template <class Record>
  bool wait(const Context& context, const std::string& key, Clock::time_point until,
            const std::function<bool(const Record&)>& changed) {
    return wait_for_text(context, key, until, [&](const std::optional<std::string>& text) {
      if (!text) return true;
      Result<Record> now = from_json<Record>(*text);
      return !now || changed(*now);
    });
  }

 private:
  bool wait_for_text(const Context& context, const std::string& key, Clock::time_point until,
                     const std::function<bool(const std::optional<std::string>&)>& changed);

  engine::Engine& engine_;
  const std::string machine_;
  static constexpr std::size_t kWorkersDivisor = 4;
  static std::atomic<std::size_t> held_max_;
  static std::atomic<std::size_t> held_;
};

}  // namespace tidemill::services::sagemaker
