// The BlobStore over one directory: segments/ for small blobs, files/ for large ones.
#include <fcntl.h>

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "base/file_identity.h"
#include "base/limits.h"
#include "base/log.h"
#include "blobs/binding.h"
#include "blobs/blobs.h"
#include "blobs/block_sums.h"
#include "blobs/file_source.h"
#include "blobs/file_store.h"
#include "blobs/segment_store.h"

namespace tidemill::blobs {

namespace {

constexpr std::size_t kInlineBlobBytesMax = limits::buffered_body_bytes_max;
// Ranges of files up to this size are read when they are opened. For larger ones, fresh memory
// would cost the process more than the reading itself.
constexpr std::size_t kReadAtOnceBytesMax = 256u << 10;
// Write-back of a large file is started each time this much was written, so that little is left for
// the final sync.
constexpr std::uint64_t kWriteBackBytes = 8u << 20;

class LocalBlobStore final : public BlobStore {
 public:
  LocalBlobStore(const BlobOptions& options, SharedFile segments, SharedFile files, Random& random,
                 std::string why_not_collected)
      : directory_(options.directory),
        why_not_collected_(std::move(why_not_collected)),
        room_(segments, options.kept_free_bytes),
        quarantine_(options.directory, options.quarantine, options.ages_began),
        segments_(options, options.directory + "/segments", std::move(segments), directory_sync_,
                  room_, quarantine_),
        files_(options.directory + "/files", std::move(files), directory_sync_, random,
               quarantine_) {}
  Result<void> load();

  Result<BlobRef> put(std::string_view bytes) override;
  Result<std::unique_ptr<BlobWriter>> create() override;
  Result<std::unique_ptr<ByteSource>> open(const BlobRef& blob, std::uint64_t offset,
                                           std::uint64_t length) override;
  Result<std::string> read(const BlobRef& blob) override;
  void release(const BlobRef& blob) override;
  std::shared_ptr<void> pin(const std::vector<BlobRef>& blobs) override;
  Result<void> collect_garbage(const Marker& mark_live, Timestamp now) override;
  std::string why_not_collected() const override { return why_not_collected_; }
  void delete_expired(Timestamp now) override {
    // Until a collection has seen every record, records may name blobs in quarantine.
    if (collected_) quarantine_.delete_expired(now);
  }
  bool should_relocate(const BlobRef& blob) const override {
    return SegmentStore::owns(blob) && segments_.should_relocate(blob);
  }
  BlobStatistics statistics() const override;

  FileStore& files() { return files_; }
  // StorageFull when writing so many bytes would use space that is kept free.
  Result<void> check_room(std::uint64_t bytes);
  // Tidemill.Io when the opened folders are gone, since what was written is then lost.
  Result<void> check_folders() const;

 private:
  struct Pins {
    int count = 0;
    std::optional<BlobRef> released;  // freed when the last pin is gone
  };
  void unpin(const std::vector<BlobRef>& blobs);
  void free_now(const BlobRef& blob);

  const std::string directory_;
  const std::string why_not_collected_;
  std::vector<FileIdentity> folders_;  // set by load()
  std::atomic<bool> collected_{false};
  std::atomic<std::uint64_t> damaged_collections_{0};
  GroupSync directory_sync_{GroupSync::Kind::directory};
  DiskRoom room_;
  Quarantine quarantine_;
  SegmentStore segments_;
  FileStore files_;
  std::mutex pins_mutex_;
  std::unordered_map<std::string, Pins> pins_;  // guarded by pins_mutex_; by location
};

class LocalBlobWriter final : public BlobWriter {
 public:
  explicit LocalBlobWriter(LocalBlobStore& store) : store_(store) {}
  ~LocalBlobWriter() override {
    if (file_) store_.files().discard(*file_);
  }
  Result<void> append(std::span<const char> bytes) override;
  Result<BlobRef> finish() override;

 private:
  Result<void> write(std::string_view bytes);

  LocalBlobStore& store_;
  std::string small_;  // until it grows too large for a segment
  std::optional<FileStore::NewFile> file_;
  BlockSummer summer_;  // sums what is in the file
  std::uint64_t write_back_bytes_ = 0;
};

Result<void> LocalBlobWriter::append(std::span<const char> bytes) {
  std::string_view text(bytes.data(), bytes.size());
  if (!file_ && small_.size() + text.size() <= kInlineBlobBytesMax) {
    small_.append(text);
    return {};
  }
  if (!file_) {
    file_ = TRY(store_.files().create());
    TRY(write(small_));
    small_ = std::string();
  }
  return write(text);
}

Result<void> LocalBlobWriter::write(std::string_view bytes) {
  TRY(store_.check_room(bytes.size()));
  TRY(write_fully(*file_->file, bytes, summer_.size_bytes()));
  summer_.update(bytes);
  const std::uint64_t written_bytes = summer_.size_bytes();
  if (written_bytes - write_back_bytes_ >= kWriteBackBytes) {
    // Only a hint; errors show up at the sync.
    ::sync_file_range(file_->file->get(), off64_t(write_back_bytes_),
                      off64_t(written_bytes - write_back_bytes_), SYNC_FILE_RANGE_WRITE);
    write_back_bytes_ = written_bytes;
  }
  return {};
}

Result<BlobRef> LocalBlobWriter::finish() {
  if (!file_) return store_.put(small_);
  const std::uint64_t size_bytes = summer_.size_bytes();
  const std::uint32_t whole = summer_.whole();
  TRY(write_fully(*file_->file, encode_trailer(summer_.finish(), size_bytes, whole), size_bytes));
  std::string location = TRY(store_.files().publish(*file_));
  file_.reset();
  TRY(store_.check_folders());
  return BlobRef{std::move(location), size_bytes, whole};
}

Result<BlobRef> LocalBlobStore::put(std::string_view bytes) {
  if (bytes.empty()) return BlobRef{};
  if (bytes.size() <= kInlineBlobBytesMax) {
    BlobRef blob = TRY(segments_.append(bytes));
    TRY(check_folders());
    return blob;
  }
  LocalBlobWriter writer(*this);
  TRY(writer.append(std::span(bytes.data(), bytes.size())));
  return writer.finish();
}

Result<void> LocalBlobStore::check_room(std::uint64_t bytes) {
  if (room_.available_bytes() >= bytes) return {};
  if (segments_.reclaim() > 0 && room_.available_bytes() >= bytes) return {};
  return fail(codes::kStorageFull, "the data folder's disk has no room for another blob");
}

Result<void> LocalBlobStore::load() {
  for (const char* folder : {"/segments", "/files"})
    folders_.push_back(TRY(FileIdentity::of(directory_ + folder)));
  TRY(quarantine_.load());
  return segments_.load();
}

Result<void> LocalBlobStore::check_folders() const {
  for (const FileIdentity& folder : folders_) TRY(folder.check());
  return {};
}

Result<std::unique_ptr<BlobWriter>> LocalBlobStore::create() {
  return std::unique_ptr<BlobWriter>(std::make_unique<LocalBlobWriter>(*this));
}

Result<std::unique_ptr<ByteSource>> LocalBlobStore::open(const BlobRef& blob, std::uint64_t offset,
                                                         std::uint64_t length) {
  offset = std::min(offset, blob.size_bytes);
  length = std::min(length, blob.size_bytes - offset);
  if (blob.location.empty() || (SegmentStore::owns(blob) && length == 0))
    return std::unique_ptr<ByteSource>(std::make_unique<StringSource>(std::string()));
  if (SegmentStore::owns(blob)) {
    std::string bytes = TRY(segments_.read(blob, offset, length));
    return std::unique_ptr<ByteSource>(std::make_unique<StringSource>(std::move(bytes)));
  }
  if (!FileStore::owns(blob)) return fail(codes::kNotFound, "no blob at '" + blob.location + "'");
  FileStore::Opened opened = TRY(files_.open(blob));
  BlockSums sums = TRY(load_sums(*opened.file, opened.path, blob));
  auto source = std::make_unique<CheckedFileSource>(std::move(opened.file), blob, std::move(sums),
                                                    offset, length);
  if (length > kReadAtOnceBytesMax) return std::unique_ptr<ByteSource>(std::move(source));
  // Read at once: damage then fails the whole answer instead of cutting its body short.
  std::string bytes(length, '\0');
  for (std::size_t done = 0; done < bytes.size();)
    done += TRY(source->read(std::span(bytes).subspan(done)));
  return std::unique_ptr<ByteSource>(std::make_unique<StringSource>(std::move(bytes)));
}

Result<std::string> LocalBlobStore::read(const BlobRef& blob) {
  if (blob.location.empty()) return std::string();
  if (SegmentStore::owns(blob)) return segments_.read(blob, 0, blob.size_bytes);
  std::unique_ptr<ByteSource> source = TRY(open(blob, 0, blob.size_bytes));
  return read_all(*source, blob.size_bytes);
}

void LocalBlobStore::release(const BlobRef& blob) {
  if (blob.location.empty()) return;
  {
    std::lock_guard lock(pins_mutex_);
    if (auto found = pins_.find(blob.location); found != pins_.end()) {
      found->second.released = blob;
      return;
    }
  }
  free_now(blob);
}

void LocalBlobStore::free_now(const BlobRef& blob) {
  if (SegmentStore::owns(blob))
    segments_.release(blob);
  else if (FileStore::owns(blob))
    files_.release(blob);
}

std::shared_ptr<void> LocalBlobStore::pin(const std::vector<BlobRef>& blobs) {
  {
    std::lock_guard lock(pins_mutex_);
    for (const BlobRef& blob : blobs)
      if (!blob.location.empty()) ++pins_[blob.location].count;
  }
  return std::shared_ptr<void>(nullptr, [this, blobs](void*) { unpin(blobs); });
}

void LocalBlobStore::unpin(const std::vector<BlobRef>& blobs) {
  std::vector<BlobRef> to_free;
  {
    std::lock_guard lock(pins_mutex_);
    for (const BlobRef& blob : blobs) {
      auto found = pins_.find(blob.location);
      if (found == pins_.end() || --found->second.count > 0) continue;
      if (found->second.released) to_free.push_back(std::move(*found->second.released));
      pins_.erase(found);
    }
  }
  for (const BlobRef& blob : to_free) free_now(blob);
}

Result<void> LocalBlobStore::collect_garbage(const Marker& mark_live, Timestamp now) {
  if (!why_not_collected_.empty()) return {};
  std::unordered_set<std::string> live_files;
  const Coverage coverage = TRY(mark_live([&](const BlobRef& blob) {
    if (SegmentStore::owns(blob))
      segments_.mark_live(blob);
    else if (FileStore::owns(blob)) {
      files_.keep(blob);
      live_files.insert(blob.location.substr(5));
    }
  }));
  segments_.finish_counting(now, coverage);
  TRY(files_.remove_all_but(live_files, now, coverage));
  if (coverage == Coverage::damaged) {
    ++damaged_collections_;
    log::warning(
        "blobs without a record stay: records that cannot be read may name them. Bring state/ back "
        "from a backup, or delete what those records describe, and start again",
        {{"directory", directory_}});
    return {};
  }
  collected_ = true;
  quarantine_.delete_expired(now);
  return {};
}

BlobStatistics LocalBlobStore::statistics() const {
  BlobStatistics statistics;
  segments_.add_statistics(statistics);
  statistics.files_written = files_.files_written();
  const QuarantineStatistics quarantine = quarantine_.statistics();
  statistics.quarantine_files = quarantine.files;
  statistics.quarantine_bytes = quarantine.bytes;
  statistics.damaged_collections = damaged_collections_;
  return statistics;
}

}  // namespace

Result<std::unique_ptr<BlobStore>> open_blob_store(BlobOptions options, Random& random) {
  TRY(make_directory(options.directory));
  TRY(make_directory(options.directory + "/segments"));
  TRY(make_directory(options.directory + "/files"));
  constexpr int kDirectory = O_RDONLY | O_DIRECTORY;
  SharedFile root = TRY(open_file(options.directory, kDirectory));
  SharedFile segments = TRY(open_file(options.directory + "/segments", kDirectory));
  SharedFile files = TRY(open_file(options.directory + "/files", kDirectory));
  GroupSync sync(GroupSync::Kind::directory);
  TRY(sync.sync(root));
  std::string why_not_collected = TRY(bind_to_database(options.directory, options.database));
  if (!why_not_collected.empty()) log::error(why_not_collected);
  auto store = std::make_unique<LocalBlobStore>(options, std::move(segments), std::move(files),
                                                random, std::move(why_not_collected));
  TRY(store->load());
  return std::unique_ptr<BlobStore>(std::move(store));
}

}  // namespace tidemill::blobs
