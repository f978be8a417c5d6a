// Journals: the files on this machine in which captured records wait for S3. The first line says
// where they go, each further line is a record as the object will have it. A journal that a killed
// server left is read up to its first line that is damaged.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "blobs/file_descriptor.h"
#include "services/sagemaker_runtime/capture/line.h"

namespace tidemill::services::sagemaker_runtime {

// A journal that nothing is added to any more.
struct ClosedJournal {
  std::string path;
  CaptureSettings settings;  // of it only what capture_key() and the upload need
  JournalName name;
  std::uint64_t header_bytes = 0;  // of the first line
  std::uint64_t bytes = 0;         // with it
  std::uint64_t records = 0;
};

// One thread at a time.
class Journal {
 public:
  static Result<std::unique_ptr<Journal>> create(const std::string& directory,
                                                 const CaptureSettings& settings,
                                                 Timestamp first_record, std::string_view uuid);
  // All of it or nothing: what a full disk took of it is cut off again.
  Result<void> append(std::string_view lines, std::uint64_t records);
  // What was appended survives a power loss then.
  Result<void> sync();
  // Another way was found to sync it (syncfs).
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

// What a file holds that an earlier process left; `damaged` is how many lines had to be left out.
// nullopt when it holds no record. Tidemill.Corrupt when it does not say where its records go.
struct RecoveredJournal {
  std::optional<ClosedJournal> journal;
  std::uint64_t damaged = 0;
};
Result<RecoveredJournal> recover_journal(const std::string& path);

}  // namespace tidemill::services::sagemaker_runtime
