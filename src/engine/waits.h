// An index in memory of records with waits, so that changes of other records cost nothing.
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

// Thread-safe. Keys are those of the waits' table.
class Waits {
 public:
  void add(const std::string& wait_key);
  void remove(const std::string& wait_key);
  // Keys that begin with the prefix.
  std::vector<std::string> with_prefix(const std::string& prefix) const;
  bool empty() const { return count_.load(std::memory_order_acquire) == 0; }

  // A scheduler key for one check of a wait; `end`, if it is already known.
  std::string schedule(const std::string& wait_key, std::optional<EndOfWait> end);
  struct Look {
    std::string wait_key;
    std::optional<EndOfWait> end;
  };
  std::optional<Look> look(const std::string& scheduled_key) const;
  void finish(const std::string& scheduled_key);
  // No machine's name begins with this character.
  static bool is_scheduled_key(std::string_view key) { return key.starts_with('\x1e'); }

 private:
  mutable std::mutex mutex_;
  std::set<std::string> keys_;          // guarded by mutex_
  std::map<std::string, Look> looks_;   // guarded by mutex_
  std::uint64_t next_ = 0;              // guarded by mutex_
  std::atomic<std::size_t> count_ = 0;  // size of keys_
};

}  // namespace tidemill::engine
