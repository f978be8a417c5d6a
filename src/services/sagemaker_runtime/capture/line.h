// The format of captured records and the names of their files, as in SageMaker.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "services/sagemaker_runtime/capture/recorder.h"

namespace tidemill::services::sagemaker_runtime {

// Appends one line, '\n' included.
void append_capture_line(const CaptureSettings& settings, const CapturedExchange& exchange,
                         std::string_view event_id, std::string& out);

// Like "2026-11-26-23-41-07-123-<uuid>.jsonl". The journal's name and the destination determine the
// object's key, so that uploading a journal twice replaces the object by itself.
std::string journal_name(Timestamp first_record, std::string_view uuid);
struct JournalName {
  Timestamp first_record;
  std::string key_end;  // like "2026/11/26/23/41-07-123-<uuid>.jsonl"
};
// nullopt when `name` is not a journal's name.
std::optional<JournalName> parse_journal_name(std::string_view name);
// Like "<prefix>/<endpoint>/<variant>/yyyy/mm/dd/hh/MM-SS-mmm-<uuid>.jsonl".
std::string capture_key(const CaptureSettings& settings, const JournalName& name);

}  // namespace tidemill::services::sagemaker_runtime
