// The dispatcher tells the audit log through this about the calls that pass.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/value.h"

namespace tidemill::services::platform {

struct Call;

// An auditor's notes about a call, taken before its handler runs.
class AuditNote {
 public:
  virtual ~AuditNote() = default;
};

// One entry of the audit log.
struct AuditRecord {
  std::string account, region;
  Timestamp time;
  std::string text;           // a CloudTrail event, as JSON
  bool answer_first = false;  // the caller need not wait until the record is durable
};

// Thread-safe.
class Auditor {
 public:
  virtual ~Auditor() = default;

  // Called when the call is allowed and its handler is about to run: the handler consumes the input
  // and may delete what the call names. nullptr for a call that is recorded only when it is denied.
  // Costs nanoseconds for these.
  virtual std::unique_ptr<AuditNote> begin(const Call& call) = 0;
  // The record of a call that has its result; nullopt when it is not recorded. `note` is what
  // begin() returned; nullptr also for a call that did not get as far as its handler.
  virtual std::optional<AuditRecord> end(const Call& call, const AuditNote* note,
                                         const Result<Value>& result) = 0;
  // Appends the record. `done` runs exactly once, on any thread: when the record is durable, or
  // when the store cannot take it (which is logged, and tried again).
  virtual void append(AuditRecord record, std::move_only_function<void()> done) = 0;
};

}  // namespace tidemill::services::platform
