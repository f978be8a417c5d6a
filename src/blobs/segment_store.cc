#include "blobs/segment_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <optional>

#include "base/limits.h"
#include "base/log.h"
#include "blobs/segment_record.h"

namespace tidemill::blobs {

namespace {

constexpr std::uint64_t kPageBytes = 4096;

constexpr std::string_view kSegmentSuffix = ".segment";

// The path below the root of all blobs.
std::string path_below_root(std::uint32_t id) {
  return "segments/" + segment_name(id) + std::string(kSegmentSuffix);
}

// Parses names like "0000001f.segment".
std::optional<std::uint32_t> parse_segment_name(const std::string& name) {
  std::uint32_t id = 0;
  auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), id, 16);
  if (error != std::errc() || name != segment_name(id) + std::string(kSegmentSuffix))
    return std::nullopt;
  return id;
}

// The end of the written part of a segment, at least `least`. Behind it is space that was reserved
// and never written, which reads as zeros.
Result<std::uint64_t> end_of_content(const FileDescriptor& file, std::uint64_t size_bytes,
                                     std::uint64_t least) {
  constexpr std::uint64_t kPieceBytes = 256u << 10;
  std::string piece(kPieceBytes, '\0');
  std::uint64_t end = size_bytes;
  while (end > least) {
    const std::uint64_t start = std::max(least, end - std::min(end, kPieceBytes));
    const std::size_t got = TRY(read_fully(file, piece.data(), std::size_t(end - start), start));
    const std::size_t last = std::string_view(piece.data(), got).find_last_not_of('\0');
    if (last != std::string_view::npos) {
      const std::uint64_t content = start + last + 1;
      return (content + kRecordAlignmentBytes - 1) / kRecordAlignmentBytes * kRecordAlignmentBytes;
    }
    end = start;
  }
  return least;
}

}  // namespace

SegmentStore::SegmentStore(BlobOptions options, std::string directory, SharedFile directory_file,
                           GroupSync& directory_sync, const DiskRoom& room, Quarantine& quarantine)
    : options_(std::move(options)),
      directory_(std::move(directory)),
      directory_file_(std::move(directory_file)),
      directory_sync_(directory_sync),
      room_(room),
      quarantine_(quarantine) {}

SegmentStore::~SegmentStore() {
  std::lock_guard lock(append_mutex_);
  seal_active();
}

Result<void> SegmentStore::load() {
  std::error_code error;
  std::lock_guard append_lock(append_mutex_);
  std::unique_lock lock(segments_mutex_);
  for (const auto& entry : std::filesystem::directory_iterator(directory_, error)) {
    std::optional<std::uint32_t> id = parse_segment_name(entry.path().filename().string());
    if (!id) continue;
    add_earlier(*id);
    next_id_ = std::max(next_id_, *id + 1);
  }
  if (error) return fail(system_error("list", directory_, error.value()));
  // A segment in quarantine may be restored under its name.
  for (const std::string& name : quarantine_.names_below("segments"))
    if (std::optional<std::uint32_t> id = parse_segment_name(name))
      next_id_ = std::max(next_id_, *id + 1);
  return {};
}

void SegmentStore::add_earlier(std::uint32_t id) {
  std::string path = directory_ + "/" + segment_name(id) + std::string(kSegmentSuffix);
  std::error_code error;
  const std::uint64_t size_bytes = std::filesystem::file_size(path, error);
  auto segment = std::make_shared<Segment>(id, std::move(path), false);
  segment->seal();
  segment->set_written_bytes(error ? 0 : size_bytes);
  segments_[id] = std::move(segment);
}

Result<BlobRef> SegmentStore::append(std::string_view payload) {
  const RecordForm form = form_for(payload.size());
  const std::uint64_t length = record_bytes(form, payload.size());
  BlockSummer summer(kSegmentBlockBytes);
  summer.update(payload);
  const RecordHeader header{std::uint32_t(payload.size()), summer.whole()};
  const BlockSums sums = form == RecordForm::blocked ? summer.finish() : BlockSums();
  Place place = TRY(reserve(length));
  const RecordLocation location{form, place.segment->id(), place.offset};
  Result<void> written = write_fully(
      *place.file, header.encode(location.segment, location.offset, sums), payload, place.offset);
  bool sync_failed = false;
  if (written) {
    written = data_sync_.sync(place.file);
    sync_failed = !written;
  }
  if (!written) {
    give_back(place, length, sync_failed);
    return fail(std::move(written).error());
  }
  return BlobRef{location.text(), payload.size(), header.payload_crc32c};
}

Result<SegmentStore::Place> SegmentStore::reserve(std::uint64_t length) {
  std::lock_guard lock(append_mutex_);
  if (!active_ || active_->tail + length > options_.segment_bytes) TRY(roll());
  TRY(reserve_space(active_->tail + length));
  Place place{active_, active_file_, active_->tail};
  active_->tail += length;
  active_->set_written_bytes(active_->tail);
  // Marked live already, so that the segment cannot be removed during the write.
  active_->mark_live(place.offset, length);
  return place;
}

Result<void> SegmentStore::roll() {
  std::uint32_t id = next_id_++;
  std::string path = directory_ + "/" + segment_name(id) + std::string(kSegmentSuffix);
  SharedFile file = TRY(open_file(path, O_RDWR | O_CREAT | O_EXCL));
  // The segment's name must be durable before any record in it is acknowledged.
  if (Result<void> synced = directory_sync_.sync(directory_file_); !synced) {
    ::unlink(path.c_str());
    return synced;
  }
  seal_active();
  active_ = std::make_shared<Segment>(id, path, true);
  active_file_ = file;
  active_->set_file(std::move(file));
  if (++open_files_ > options_.open_segments_max) close_least_recently_used();
  std::unique_lock lock(segments_mutex_);
  segments_[id] = active_;
  return {};
}

Result<void> SegmentStore::reserve_space(std::uint64_t end) {
  if (end <= active_->reserved) return {};
  std::uint64_t step = std::max(options_.segment_step_bytes, end - active_->reserved);
  std::uint64_t least = (end - active_->reserved + kPageBytes - 1) / kPageBytes * kPageBytes;
  std::uint64_t available = room_.available_bytes();
  if (available < least && reclaim_locked() > 0) available = room_.available_bytes();
  if (available < least)
    return fail(codes::kStorageFull, "the data folder's disk has no room for another blob");
  step = std::min(step, std::max(least, available / kPageBytes * kPageBytes));
  while (true) {
    int error_number =
        ::posix_fallocate(active_file_->get(), off_t(active_->reserved), off_t(step));
    if (error_number == 0) {
      active_->reserved += step;
      return {};
    }
    if (error_number == EINTR) continue;
    // A failed reservation may have used up the free space.
    if (::ftruncate(active_file_->get(), off_t(active_->reserved)) != 0)
      log::warning("a blob segment's tail cannot be cut", {{"path", active_->path()}});
    if (error_number != ENOSPC || step <= least)
      return fail(system_error("reserve space for", "a blob segment", error_number));
    step = std::max(least, step / 2);
  }
}

void SegmentStore::seal_active() {
  if (!active_) return;
  // Reserved but unused space goes back to the file system.
  if (::ftruncate(active_file_->get(), off_t(active_->tail)) != 0)
    log::warning("a blob segment's tail cannot be cut", {{"path", active_->path()}});
  std::shared_ptr<Segment> sealed = std::move(active_);
  active_.reset();
  active_file_.reset();
  if (sealed->seal()) remove(*sealed);
}

void SegmentStore::give_back(const Place& place, std::uint64_t length, bool sync_failed) {
  std::lock_guard lock(append_mutex_);
  if (active_ == place.segment) {
    // After a failed sync the kernel may have dropped pages: write nothing more into this file.
    if (sync_failed)
      seal_active();
    else if (active_->tail == place.offset + length)
      active_->tail = place.offset;
  }
  if (place.segment->mark_dead(place.offset, length)) remove(*place.segment);
}

Result<std::string> SegmentStore::read(const BlobRef& blob, std::uint64_t offset,
                                       std::uint64_t length) {
  RecordLocation location = TRY(RecordLocation::parse(blob.location));
  std::shared_ptr<Segment> segment = find_or_restore(location.segment);
  if (!segment) return fail(codes::kNotFound, "no blob at '" + blob.location + "'");
  SharedFile file = TRY(file_of(*segment));
  Result<std::string> bytes = read_record(*file, blob, location, offset, length);
  if (bytes) return bytes;
  // Space of a record that was released meanwhile may contain anything by now.
  if (!segment->may_be_live(location.offset))
    return fail(codes::kNotFound, "no blob at '" + blob.location + "'");
  log::error("a stored object's bytes are damaged",
             {{"blob", blob.location}, {"reason", bytes.error().message}});
  return bytes;
}

void SegmentStore::release(const BlobRef& blob) {
  Result<RecordLocation> location = RecordLocation::parse(blob.location);
  if (!location) return;
  std::shared_ptr<Segment> segment = find(location->segment);
  if (segment &&
      segment->mark_dead(location->offset, record_bytes(location->form, blob.size_bytes)))
    remove(*segment);
}

std::uint64_t SegmentStore::reclaim() {
  std::lock_guard lock(append_mutex_);
  return reclaim_locked();
}

std::uint64_t SegmentStore::reclaim_locked() {
  std::vector<std::shared_ptr<Segment>> all;
  {
    std::shared_lock lock(segments_mutex_);
    for (const auto& [id, segment] : segments_) all.push_back(segment);
  }
  std::uint64_t freed_bytes = 0;
  for (const std::shared_ptr<Segment>& segment : all)
    freed_bytes +=
        segment->punch_dead_pages(segment == active_ ? segment->tail : segment->written_bytes());
  return freed_bytes;
}

void SegmentStore::mark_live(const BlobRef& blob) {
  Result<RecordLocation> location = RecordLocation::parse(blob.location);
  if (!location || blob.size_bytes > limits::buffered_body_bytes_max) return;
  std::shared_ptr<Segment> segment = find_or_restore(location->segment);
  // Blobs of this run were marked when they were written. An offset past the end is invalid, and
  // marking it would cost memory in proportion.
  if (segment && !segment->counted() && location->offset < segment->written_bytes())
    segment->mark_live(location->offset, record_bytes(location->form, blob.size_bytes));
}

void SegmentStore::finish_counting(Timestamp now, Coverage coverage) {
  collected_microseconds_ = now.microseconds;
  keep_unclaimed_ = coverage == Coverage::damaged;
  std::vector<std::shared_ptr<Segment>> earlier;
  {
    std::shared_lock lock(segments_mutex_);
    for (const auto& [id, segment] : segments_)
      if (!segment->counted()) earlier.push_back(segment);
  }
  for (const std::shared_ptr<Segment>& segment : earlier) {
    std::uint64_t end = segment->live_end();
    if (end < segment->written_bytes()) {
      Result<SharedFile> file = file_of(*segment);
      Result<std::uint64_t> content =
          file ? end_of_content(**file, segment->written_bytes(), end) : segment->written_bytes();
      if (content && *content < segment->written_bytes() &&
          ::truncate(segment->path().c_str(), off_t(*content)) == 0)
        segment->set_written_bytes(*content);
    }
    if (segment->finish_counting()) remove(*segment);
  }
}

bool SegmentStore::should_relocate(const BlobRef& blob) const {
  Result<RecordLocation> location = RecordLocation::parse(blob.location);
  if (!location) return false;
  std::shared_ptr<Segment> segment = find(location->segment);
  return segment && segment->mostly_dead();
}

void SegmentStore::add_statistics(BlobStatistics& statistics) const {
  std::shared_lock lock(segments_mutex_);
  for (const auto& [id, segment] : segments_) {
    ++statistics.segments;
    statistics.segment_bytes += segment->written_bytes();
    statistics.segment_live_bytes += segment->live_bytes();
  }
}

std::shared_ptr<Segment> SegmentStore::find(std::uint32_t id) const {
  std::shared_lock lock(segments_mutex_);
  auto found = segments_.find(id);
  return found == segments_.end() ? nullptr : found->second;
}

std::shared_ptr<Segment> SegmentStore::find_or_restore(std::uint32_t id) {
  if (std::shared_ptr<Segment> found = find(id)) return found;
  if (!quarantine_.holds(path_below_root(id))) return nullptr;
  std::unique_lock lock(segments_mutex_);
  if (quarantine_.restore(path_below_root(id))) add_earlier(id);
  auto found = segments_.find(id);
  return found == segments_.end() ? nullptr : found->second;
}

Result<SharedFile> SegmentStore::file_of(Segment& segment) {
  segment.touch(++ticks_);
  bool opened = false;
  SharedFile file = TRY(segment.file(opened));
  if (opened && ++open_files_ > options_.open_segments_max) close_least_recently_used();
  return file;
}

void SegmentStore::close_least_recently_used() {
  std::shared_ptr<Segment> oldest;
  std::shared_lock lock(segments_mutex_);
  for (const auto& [id, segment] : segments_)
    if (segment->can_close() && (!oldest || segment->last_used() < oldest->last_used()))
      oldest = segment;
  if (oldest && oldest->close_file()) --open_files_;
}

void SegmentStore::remove(Segment& segment) {
  if (keep_unclaimed_ && segment.holds_unclaimed()) {
    // A record that cannot be read may name the other bytes.
    segment.punch_dead_pages(segment.written_bytes());
    return;
  }
  {
    std::unique_lock lock(segments_mutex_);
    if (segments_.erase(segment.id()) == 0) return;
  }
  if (segment.close_file()) --open_files_;
  delete_or_keep(segment);
}

// Deletes the segment if all its bytes were released; keeps bytes that this run never saw named.
void SegmentStore::delete_or_keep(Segment& segment) {
  if (segment.holds_unclaimed()) {
    segment.punch_dead_pages(segment.written_bytes());
    // They have been without a record since the collection, not just since now.
    Result<void> taken =
        quarantine_.take(path_below_root(segment.id()), Timestamp{collected_microseconds_});
    if (!taken) log::warning("a blob segment stays", {{"reason", taken.error().message}});
    return;
  }
  // Not synced: if the name reappears after a power loss, the next collection removes it.
  if (::unlink(segment.path().c_str()) != 0)
    log::warning("a blob segment cannot be removed", {{"path", segment.path()}});
}

}  // namespace tidemill::blobs
