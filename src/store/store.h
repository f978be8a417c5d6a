// Durable state: ordered tables of records (JSON text) with optimistic versions and secondary
// indexes. SQLite, memory and the fault-injecting store implement this interface; one contract test
// suite (store/contract.h) checks them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace tidemill::store {

// Tables and indexes, declared before the store opens them; names are [a-z][a-z0-9_]*.
struct TableSpec {
  std::string name;
  std::vector<std::string> indexes = {};
  // Index names and keys for a record's text: lets the store fill an index that was added to a
  // table with rows. Table<Record>::spec() sets it.
  std::function<Result<std::vector<std::pair<std::string, std::string>>>(std::string_view value)>
      index_keys = {};
};

struct Row {
  std::string key;
  std::uint64_t version = 0;  // 1 when created, +1 at each put
  std::string value;
};

// Size limit of a page: pages of large records end early instead of filling the memory.
inline constexpr std::size_t kPageBytesMax = 32u << 20;

// Keys sort bytewise. Composite keys join parts with '\x1f' (store/table.h).
struct Scan {
  std::string table;
  // Empty: by primary key. Else an index, for which `prefix`, `after` and `before` are its keys.
  std::string index = {};
  std::string prefix = {};
  // Exclusive bounds of the position; "": none. To continue, pass a page's `next` as `after` (or as
  // `before` when `reverse`).
  std::string after = {};
  std::string before = {};
  bool reverse = false;
  std::size_t limit = 100;  // at most kScanLimitMax
  // The page ends after the row at which keys and values reach this size; at least one row.
  std::size_t page_bytes_max = kPageBytesMax;
};
inline constexpr std::size_t kScanLimitMax = 10'000;

struct Page {
  std::vector<Row> rows;
  // A page may be shorter than the limit (large records) and still have a `next`. Position of the
  // last row when more may follow, else "". Opaque; for an index it contains the index key and the
  // primary key.
  std::string next;
};

// A set of writes that are committed all together or not at all.
class Transaction {
 public:
  // Index keys by index name; a record may have any number of keys in an index.
  using IndexKeys = std::vector<std::pair<std::string, std::string>>;
  Transaction();
  // expected_version: 0: the key must not exist; n: it must have version n; nullopt: any state.
  void put(std::string table, std::string key, std::string value, IndexKeys index_keys,
           std::optional<std::uint64_t> expected_version);
  // n: the key must have version n; nullopt: any state, including absent.
  void erase(std::string table, std::string key, std::optional<std::uint64_t> expected_version);
  // Adds a row whose key is the table's next position (store/position_key.h), assigned at the
  // commit, in the order of commits and without gaps. A reader that sees a position has seen every
  // smaller one. Code that erases rows of such a table must keep the last one, because the next
  // position is counted from it.
  void append(std::string table, std::string value);
  // Runs once the writes are durable, or when a failed commit may have written them (Tidemill.Io):
  // before the caller of commit() continues, on the store's own thread. It must be short, must not
  // call the store, and may be lost in a crash.
  void on_commit(std::function<void()> hook) { hooks_.push_back(std::move(hook)); }
  // For implementations of Store, once `outcome` is known.
  void run_hooks(const Result<void>& outcome) const;
  // Fails the transaction unless the key has that version (0: absent); writes nothing.
  void expect(std::string table, std::string key, std::uint64_t version);
  bool empty() const { return operations_.empty(); }
  // Marks a step of a deletion that does not erase anything yet.
  void set_frees_space() { frees_space_ = true; }
  // It erases something, or is a step of a deletion (store/deletion_scope.h): on a full disk such
  // transactions are written using a reserve.
  bool frees_space() const;

  struct Operation {
    enum class Kind { put, erase, expect, append } kind;
    std::string table, key, value;
    IndexKeys index_keys;
    std::optional<std::uint64_t> expected_version;
  };
  const std::vector<Operation>& operations() const { return operations_; }

 private:
  std::vector<Operation> operations_;
  std::vector<std::function<void()>> hooks_;
  bool frees_space_;
};

// Thread-safe. Reads see every commit that returned before they started.
class Store {
 public:
  virtual ~Store() = default;
  // nullopt when the key does not exist.
  virtual Result<std::optional<Row>> get(std::string_view table, std::string_view key) = 0;
  virtual Result<Page> scan(const Scan& scan) = 0;
  // Returns when the writes are durable. Tidemill.Conflict: a version has changed, nothing was
  // written. Tidemill.StorageFull, Tidemill.Io: nothing was written, except that with Tidemill.Io
  // the outcome may be unknown (the caller must read to find out).
  virtual Result<void> commit(Transaction transaction) = 0;
  // The same without waiting: `done` runs on the store's own thread, or on the caller's before this
  // returns; it must be short and must not wait for a commit.
  virtual void commit_async(Transaction transaction, std::function<void(Result<void>)> done) = 0;
};

}  // namespace tidemill::store
