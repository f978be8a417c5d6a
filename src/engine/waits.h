// Which records are waited for, in memory: so that a change of any other record costs nothing more.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/engine.h"

namespace tidemill::engine {

// Thread-safe. Keys are those of the table of waits.
class Waits {
 public:
  void add(const std::string& wait_key);
  void remove(const std::string& wait_key);
  // Those that begin with the prefix.
  std::vector<std::string> with_prefix(const std::string& prefix) const;
  bool empty() const { return count_.load(std::memory_order_acquire) == 0; }

  // A key for the scheduler, under which one look at a wait runs; `end`, when it is known already.
  std::string schedule(const std::string& wait_key, std::optional<EndOfWait> end);
  struct Look {
    std::string wait_key;
    std::optional<EndOfWait> end;
  };
  std::optional<Look> look(const std::string& scheduled_key) const;
  void finish(const std::string& scheduled_key);
  // No machine's name begins like this.
  static bool is_scheduled_key(std::string_view key) { return key.starts_with('\x1e'); }

 private:
  mutable std::mutex mutex_;
  std::set<std::string> keys_;          // guarded by mutex_
  std::map<std::string, Look> looks_;   // guarded by mutex_
  std::uint64_t next_ = 0;              // guarded by mutex_
  std::atomic<std::size_t> count_ = 0;  // of keys_
};

}  // namespace tidemill::engine
