// Checks the chain of the audit log: finds every record that was altered, removed, inserted or
// moved, and says which.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "services/cloudtrail/log/records.h"
#include "store/store.h"

namespace tidemill::services::cloudtrail {

struct ChainRecord {
  std::uint64_t position = 0;
  // nullopt: the record cannot be read.
  std::optional<StoredEvent> event;
};

// A whole audit log, from a store or from an exported file.
struct ChainSource {
  ChainHead head;
  std::vector<Checkpoint> checkpoints;
  std::map<std::string, std::string> public_keys;  // by fingerprint; base64 of the DER form
  // The records in the order of their positions; nullopt at the end.
  std::function<Result<std::optional<ChainRecord>>()> next;
};

struct Finding {
  std::uint64_t position = 0;
  std::string text;  // "record 17 (CreateRole, 2026-11-30T04:12:00Z) was altered"
};

struct VerifyReport {
  std::uint64_t records = 0, checkpoints = 0;
  std::uint64_t first = 0, last = 0;
  std::vector<Finding> findings;  // at most kFindingsMax
  bool more_findings = false;
};
inline constexpr std::size_t kFindingsMax = 1000;

Result<VerifyReport> verify_chain(ChainSource source);

// Reads the store while it may be written; records after the head that it sees first are ignored.
Result<ChainSource> chain_of(store::Store& store);

// One JSON object a line: a head, then the records. The file holds all that a verification needs;
// private keys are not in it.
Result<std::uint64_t> export_chain(ChainSource source, std::ostream& out);
// Reads an exported file. The stream must outlive the source. Tidemill.Invalid for other files.
Result<ChainSource> chain_of_file(std::istream& in);

}  // namespace tidemill::services::cloudtrail
