// A typed view of one table: records described with TIDEMILL_RECORD (base/describe.h).
//
//   static const Table<Bucket> kBuckets{"s3_buckets", {{"by_owner", [](const Bucket& b) {
//     return std::vector<std::string>{key({b.account, b.name})}; }}}};
#pragma once

#include <functional>
#include <initializer_list>

#include "base/describe.h"
#include "store/invariant.h"
#include "store/store.h"

namespace tidemill::store {

// Joins the parts of a key with '\x1f', which the models' patterns exclude from names; where a part
// contains it, it is escaped. End a scan prefix with "" to stop at a part's border.
std::string key(std::initializer_list<std::string_view> parts);
std::vector<std::string> split_key(std::string_view key);

// Tidemill.Corrupt with the record's name: the server's fault, not the caller's.
Error damaged_record(std::string_view table, std::string_view key, const Error& reason);
void log_skipped_record(const Error& damaged);

// Decodes a record's text. Every reader of records uses this or read_or_skip(), so that a damaged
// record is always named.
template <class Record>
Result<Record> read_record(std::string_view table, std::string_view key, std::string_view text) {
  Result<Record> record = from_json<Record>(text);
  if (!record) return fail(damaged_record(table, key, record.error()));
  return record;
}
// For readers of many records: names damaged ones in the log, and serves the others.
template <class Record>
std::optional<Record> read_or_skip(std::string_view table, std::string_view key,
                                   std::string_view text) {
  Result<Record> record = read_record<Record>(table, key, text);
  if (record) return *std::move(record);
  log_skipped_record(record.error());
  return std::nullopt;
}

template <class Record>
struct Versioned {
  Record record;
  std::uint64_t version = 0;
};

template <class Record>
struct RecordPage {
  std::vector<Versioned<Record>> records;
  std::string next;
};

template <class Record>
class Table {
 public:
  struct Index {
    std::string name;
    std::function<std::vector<std::string>(const Record&)> keys;
  };
  // Why a record breaks its invariant, "" when it does not (store/invariant.h).
  using Invariant = std::string_view (*)(const Record&);
  explicit Table(std::string name, std::vector<Index> indexes = {}, Invariant invariant = nullptr)
      : name_(std::move(name)), indexes_(std::move(indexes)), invariant_(invariant) {}

  const std::string& name() const { return name_; }
  TableSpec spec() const {
    TableSpec spec{name_};
    for (const Index& index : indexes_) spec.indexes.push_back(index.name);
    if (!indexes_.empty()) {
      spec.index_keys = [table = *this](std::string_view text) -> Result<Transaction::IndexKeys> {
        Record record = TRY(from_json<Record>(text));
        return table.index_keys(record);
      };
    }
    return spec;
  }

  Result<std::optional<Versioned<Record>>> get(Store& store, std::string_view key) const {
    std::optional<Row> row = TRY(store.get(name_, key));
    if (!row) return std::optional<Versioned<Record>>();
    Record record = TRY(read_record<Record>(name_, key, row->value));
    return std::optional(Versioned<Record>{std::move(record), row->version});
  }
  // Sets scan.table. Damaged records are skipped and named in the log.
  Result<RecordPage<Record>> scan(Store& store, Scan scan) const {
    scan.table = name_;
    Page page = TRY(store.scan(scan));
    RecordPage<Record> out;
    for (const Row& row : page.rows)
      if (std::optional<Record> record = read_or_skip<Record>(name_, row.key, row.value))
        out.records.push_back({*std::move(record), row.version});
    out.next = std::move(page.next);
    return out;
  }
  // The record. Ends the server when the record breaks its invariant.
  const Record& checked(std::string_view key, const Record& record) const {
    const std::string_view reason = invariant_ ? invariant_(record) : std::string_view();
    if (!reason.empty()) [[unlikely]]
      end_with_broken_invariant(name_, key, reason);
    return record;
  }
  void put(Transaction& transaction, std::string key, const Record& record,
           std::optional<std::uint64_t> expected_version) const {
    checked(key, record);
    transaction.put(name_, std::move(key), to_json(record), index_keys(record), expected_version);
  }
  Transaction::IndexKeys index_keys(const Record& record) const {
    Transaction::IndexKeys keys;
    for (const Index& index : indexes_)
      for (std::string& index_key : index.keys(record)) keys.emplace_back(index.name, index_key);
    return keys;
  }
  void erase(Transaction& transaction, std::string key,
             std::optional<std::uint64_t> expected_version) const {
    transaction.erase(name_, std::move(key), expected_version);
  }

 private:
  std::string name_;
  std::vector<Index> indexes_;
  Invariant invariant_;
};

}  // namespace tidemill::store
