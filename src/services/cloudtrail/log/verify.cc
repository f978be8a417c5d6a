#include "services/cloudtrail/log/verify.h"

#include <algorithm>
#include <istream>
#include <memory>
#include <ostream>

#include "base/clock.h"
#include "base/json.h"
#include "services/cloudtrail/log/signing_key.h"
#include "store/position_key.h"

namespace tidemill::services::cloudtrail {
namespace {

constexpr std::string_view kFormat = "tidemill-audit-1";
constexpr std::size_t kPageRecords = 1000;

// "record 17 (CreateRole, 2026-11-30T04:12:00Z)"
std::string described(std::uint64_t position, const StoredEvent& event) {
  std::string text = "record " + std::to_string(position);
  std::string name;
  if (const Result<Value> parsed = parse_json(event.text))
    if (const Value* found = parsed->find("eventName"); found && found->as_string())
      name = *found->as_string() + ", ";
  return text + " (" + name + format_iso8601(event.time) + ")";
}

std::string removed(std::uint64_t first, std::uint64_t last) {
  if (first == last) return "record " + std::to_string(first) + " was removed";
  return "records " + std::to_string(first) + " to " + std::to_string(last) + " were removed";
}

class Verifier {
 public:
  explicit Verifier(ChainSource source) : source_(std::move(source)) {
    for (const Checkpoint& checkpoint : source_.checkpoints)
      checkpoints_.emplace(checkpoint.position, &checkpoint);
  }

  Result<VerifyReport> run() {
    position_ = source_.head.deleted_position;
    hash_ = source_.head.deleted_hash;
    while (std::optional<ChainRecord> record = TRY(source_.next())) take(*record);
    if (position_ < source_.head.position)
      find(source_.head.position, removed(position_ + 1, source_.head.position) + " from the end");
    else if (position_ == source_.head.position && !hash_.empty() && hash_ != source_.head.hash)
      find(position_, "the head of the log names another last record");
    return std::move(report_);
  }

 private:
  void find(std::uint64_t position, std::string text) {
    if (report_.findings.size() < kFindingsMax)
      report_.findings.push_back({position, std::move(text)});
    else
      report_.more_findings = true;
  }

  void take(const ChainRecord& record) {
    if (report_.records++ == 0) report_.first = record.position;
    report_.last = record.position;
    if (record.position != position_ + 1) {
      find(position_ + 1, removed(position_ + 1, record.position - 1));
      hash_.clear();
    }
    position_ = record.position;
    if (!record.event) {
      find(record.position, "record " + std::to_string(record.position) + " cannot be read");
      hash_.clear();
      return;
    }
    const StoredEvent& event = *record.event;
    if (chain_hash(event.previous, record.position, event) != event.hash)
      find(record.position, described(record.position, event) + " was altered");
    else if (!hash_.empty() && event.previous != hash_)
      find(record.position, described(record.position, event) +
                                " does not follow the record before it: one of them was "
                                "replaced, or they were moved");
    hash_ = event.hash;
    check_checkpoints(record.position, event);
  }

  void check_checkpoints(std::uint64_t position, const StoredEvent& event) {
    const auto [begin, end] = checkpoints_.equal_range(position);
    for (auto at = begin; at != end; ++at) {
      const Checkpoint& checkpoint = *at->second;
      ++report_.checkpoints;
      const auto key = source_.public_keys.find(checkpoint.key_fingerprint);
      if (key == source_.public_keys.end())
        find(position,
             "the key of the checkpoint at record " + std::to_string(position) + " is missing");
      else if (!verify_signature(key->second, checkpoint_text(checkpoint), checkpoint.signature))
        find(position, "the signature of the checkpoint at record " + std::to_string(position) +
                           " is not valid");
      else if (checkpoint.hash != event.hash)
        find(position, described(position, event) + " is not the record that was signed at " +
                           format_iso8601(checkpoint.time) +
                           ": it, or a record before it, was replaced");
    }
  }

  ChainSource source_;
  std::multimap<std::uint64_t, const Checkpoint*> checkpoints_;
  VerifyReport report_;
  std::uint64_t position_ = 0;
  std::string hash_;  // empty: not known
};

// Every record of a small table.
template <class Record>
Result<std::vector<Record>> all_of(const store::Table<Record>& table, store::Store& store) {
  std::vector<Record> records;
  store::Scan scan;
  do {
    store::RecordPage<Record> page = TRY(table.scan(store, scan));
    for (store::Versioned<Record>& row : page.records) records.push_back(std::move(row.record));
    scan.after = page.next;
  } while (!scan.after.empty());
  return records;
}

// Reads a store's records page by page.
struct StorePages {
  store::Store& store;
  std::uint64_t last = 0;
  store::Page page = {};
  std::size_t at = 0;
  bool begun = false;

  Result<std::optional<ChainRecord>> next() {
    if (at == page.rows.size()) {
      if (begun && page.next.empty()) return std::optional<ChainRecord>();
      store::Scan scan;
      scan.table = events_table().name();
      scan.after = page.next;
      scan.limit = kPageRecords;
      page = TRY(store.scan(scan));
      at = 0;
      begun = true;
      if (page.rows.empty()) return std::optional<ChainRecord>();
    }
    const store::Row& row = page.rows[at++];
    ChainRecord record;
    record.position = store::position_of(row.key).value_or(0);
    if (record.position > last) return std::optional<ChainRecord>();
    record.event = store::read_or_skip<StoredEvent>(events_table().name(), row.key, row.value);
    return std::optional(std::move(record));
  }
};

}  // namespace

Result<VerifyReport> verify_chain(ChainSource source) { return Verifier(std::move(source)).run(); }

Result<ChainSource> chain_of(store::Store& store) {
  ChainSource source;
  if (std::optional<store::Versioned<ChainHead>> head = TRY(heads_table().get(store, kHeadKey)))
    source.head = std::move(head->record);
  source.checkpoints = TRY(all_of(checkpoints_table(), store));
  for (const SigningKeyRecord& key : TRY(all_of(keys_table(), store)))
    source.public_keys.emplace(key.fingerprint, key.public_key_der);
  auto pages = std::make_shared<StorePages>(StorePages{store, source.head.position});
  source.next = [pages = std::move(pages)] { return pages->next(); };
  return source;
}

Result<std::uint64_t> export_chain(ChainSource source, std::ostream& out) {
  ValueObject first;
  first.append("format", kFormat);
  first.append("head", tidemill::to_value(source.head));
  first.append("checkpoints", tidemill::to_value(source.checkpoints));
  first.append("public_keys", tidemill::to_value(source.public_keys));
  out << write_json(first) << '\n';
  std::uint64_t records = 0;
  while (std::optional<ChainRecord> record = TRY(source.next())) {
    ValueObject line;
    line.append("position", record->position);
    if (record->event) line.append("record", tidemill::to_value(*record->event));
    out << write_json(line) << '\n';
    ++records;
    if (!out) return fail(codes::kIo, "the export cannot be written");
  }
  out.flush();
  if (!out) return fail(codes::kIo, "the export cannot be written");
  return records;
}

Result<ChainSource> chain_of_file(std::istream& in) {
  const auto not_ours = [] {
    return fail(codes::kInvalid, "this is not a file that `tidemill audit export` wrote");
  };
  std::string line;
  if (!std::getline(in, line)) return not_ours();
  const Result<Value> first = parse_json(line);
  const Value* format = first ? first->find("format") : nullptr;
  if (!format || !format->as_string() || *format->as_string() != kFormat) return not_ours();
  ChainSource source;
  if (const Value* head = first->find("head")) TRY(from_value(*head, source.head));
  if (const Value* checkpoints = first->find("checkpoints"))
    TRY(tidemill::from_value(*checkpoints, source.checkpoints));
  if (const Value* keys = first->find("public_keys"))
    TRY(tidemill::from_value(*keys, source.public_keys));
  source.next = [&in]() -> Result<std::optional<ChainRecord>> {
    std::string text;
    if (!std::getline(in, text)) return std::optional<ChainRecord>();
    ChainRecord record;
    const Result<Value> parsed = parse_json(text);
    const Value* position = parsed ? parsed->find("position") : nullptr;
    if (!position || !position->get_if<std::int64_t>())
      return fail(codes::kInvalid, "a line of the file is not a record: " + text.substr(0, 80));
    record.position = std::uint64_t(*position->get_if<std::int64_t>());
    if (const Value* event = parsed->find("record")) {
      StoredEvent read;
      if (from_value(*event, read)) record.event = std::move(read);
    }
    return std::optional(std::move(record));
  };
  return source;
}

}  // namespace tidemill::services::cloudtrail
