// Journals are local files in which captured records wait to be uploaded to S3. The first line
// names the destination; each further line is a record in the form it will have in the object. A
// journal left by a killed server is read up to its first damaged line.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "blobs/file_descriptor.h"
#include "services/sagemaker_runtime/capture/line.h"

namespace tidemill::services::sagemaker_runtime {

// A journal that is complete: nothing is appended any more.
struct ClosedJournal {
  std::string path;
  CaptureSettings settings;  // only the members that capture_key() and the upload need
  JournalName name;
  std::uint64_t header_bytes = 0;  // the length of the first line
  std::uint64_t bytes = 0;         // including the header
  std::uint64_t records = 0;
};

// For use by one thread at a time.
class Journal {
 public:
  static Result<std::unique_ptr<Journal>> create(const std::string& directory,
                                                 const CaptureSettings& settings,
                                                 Timestamp first_record, std::string_view uuid);
  // Appends all or nothing: lines that a full disk cut short are truncated again.
  Result<void> append(std::string_view lines, std::uint64_t records);
  // Makes the appended lines survive a power loss.
  Result<void> sync();
  // For a caller that synced the journal in another way (syncfs).
  void mark_synced() { synced_bytes_ = closed_.bytes; }
  bool unsynced() const { return synced_bytes_ != closed_.bytes; }
  const ClosedJournal& facts() const { return closed_; }
  int descriptor() const { return file_->get(); }

 private:
  Journal(ClosedJournal facts, blobs::SharedFile file, blobs::SharedFile directory);

  ClosedJournal closed_;
  const blobs::SharedFile file_, directory_;
  std::uint64_t synced_bytes_ = 0;
  bool directory_synced_ = false;
};

// The content of a file left by an earlier process; `damaged` counts the lines left out. nullopt
// when it holds no record. Tidemill.Corrupt when it does not name its destination.
struct RecoveredJournal {
  std::optional<ClosedJournal> journal;
  std::uint64_t damaged = 0;
};
Result<RecoveredJournal> recover_journal(const std::string& path);

}  // namespace tidemill::services::sagemaker_runtime
