#include "blobs/segment_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <filesystem>

#include "base/checksum.h"
#include "base/log.h"

namespace tidemill::blobs {

namespace {

constexpr std::uint64_t kPageBytes = 4096;

std::string segment_name(std::uint32_t id) {
  char name[16];
  std::snprintf(name, sizeof name, "%08x", id);
  return name;
}

std::string location_of(std::uint32_t id, std::uint64_t offset) {
  return "s/" + segment_name(id) + "/" + std::to_string(offset);
}

struct Location {
  std::uint32_t segment = 0;
  std::uint64_t offset = 0;
};

// "s/0000001f/4096"
Result<Location> parse_location(std::string_view text) {
  Location location;
  auto bad = [&] { return fail(codes::kNotFound, "no blob at '" + std::string(text) + "'"); };
  if (text.size() < 12 || text[10] != '/') return bad();
  const char* end = text.data() + text.size();
  auto [id_end, id_error] =
      std::from_chars(text.data() + 2, text.data() + 10, location.segment, 16);
  auto [offset_end, offset_error] = std::from_chars(text.data() + 11, end, location.offset);
  if (id_error != std::errc() || id_end != text.data() + 10 || offset_error != std::errc() ||
      offset_end != end || location.offset % kRecordAlignmentBytes != 0)
    return bad();
  return location;
}

}  // namespace

SegmentStore::SegmentStore(BlobOptions options, std::string directory, SharedFile directory_file,
                           GroupSync& directory_sync, const DiskRoom& room)
    : options_(std::move(options)),
      directory_(std::move(directory)),
      directory_file_(std::move(directory_file)),
      directory_sync_(directory_sync),
      room_(room) {}

SegmentStore::~SegmentStore() {
  std::lock_guard lock(append_mutex_);
  seal_active();
}

Result<void> SegmentStore::load() {
  std::error_code error;
  std::lock_guard append_lock(append_mutex_);
  std::unique_lock lock(segments_mutex_);
  for (const auto& entry : std::filesystem::directory_iterator(directory_, error)) {
    std::string name = entry.path().filename().string();
    std::uint32_t id = 0;
    auto [end, parse_error] = std::from_chars(name.data(), name.data() + name.size(), id, 16);
    if (parse_error != std::errc() || name != segment_name(id) + ".segment") continue;
    auto segment = std::make_shared<Segment>(id, entry.path().string(), false);
    segment->seal();
    segment->set_written_bytes(entry.file_size(error));
    segments_[id] = std::move(segment);
    next_id_ = std::max(next_id_, id + 1);
  }
  if (error) return fail(system_error("list", directory_, error.value()));
  return {};
}

Result<BlobRef> SegmentStore::append(std::string_view payload) {
  Place place = TRY(reserve(payload.size()));
  BlobRef blob{location_of(place.segment->id(), place.offset), payload.size(), crc32c(payload)};
  RecordHeader header{std::uint32_t(payload.size()), blob.crc32c};
  Result<void> written = write_fully(*place.file, header.encode(place.segment->id(), place.offset),
                                     payload, place.offset);
  bool sync_failed = false;
  if (written) {
    written = data_sync_.sync(place.file);
    sync_failed = !written;
  }
  if (!written) {
    give_back(place, payload.size(), sync_failed);
    return fail(std::move(written).error());
  }
  return blob;
}

Result<SegmentStore::Place> SegmentStore::reserve(std::uint64_t payload_bytes) {
  std::uint64_t length = record_bytes(payload_bytes);
  std::lock_guard lock(append_mutex_);
  if (!active_ || active_->tail + length > options_.segment_bytes) TRY(roll());
  TRY(reserve_space(active_->tail + length));
  Place place{active_, active_file_, active_->tail};
  active_->tail += length;
  active_->set_written_bytes(active_->tail);
  // Live from now on, so that the segment cannot be removed under a write that is under way.
  active_->mark_live(place.offset, payload_bytes);
  return place;
}

Result<void> SegmentStore::roll() {
  std::uint32_t id = next_id_++;
  std::string path = directory_ + "/" + segment_name(id) + ".segment";
  SharedFile file = TRY(open_file(path, O_RDWR | O_CREAT | O_EXCL));
  // The name is durable before any record in the segment is acknowledged.
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
    // A failed reservation may have taken what there was.
    if (::ftruncate(active_file_->get(), off_t(active_->reserved)) != 0)
      log::warning("a blob segment's tail cannot be cut", {{"path", active_->path()}});
    if (error_number != ENOSPC || step <= least)
      return fail(system_error("reserve space for", "a blob segment", error_number));
    step = std::max(least, step / 2);
  }
}

void SegmentStore::seal_active() {
  if (!active_) return;
  // What was reserved and not used goes back to the file system.
  if (::ftruncate(active_file_->get(), off_t(active_->tail)) != 0)
    log::warning("a blob segment's tail cannot be cut", {{"path", active_->path()}});
  std::shared_ptr<Segment> sealed = std::move(active_);
  active_.reset();
  active_file_.reset();
  if (sealed->seal()) remove(*sealed);
}

void SegmentStore::give_back(const Place& place, std::uint64_t payload_bytes, bool sync_failed) {
  std::lock_guard lock(append_mutex_);
  std::uint64_t end = place.offset + record_bytes(payload_bytes);
  if (active_ == place.segment) {
    // After a failed sync the kernel may have dropped the pages: nothing more goes into this file.
    if (sync_failed)
      seal_active();
    else if (active_->tail == end)
      active_->tail = place.offset;
  }
  if (place.segment->mark_dead(place.offset, payload_bytes)) remove(*place.segment);
}

Result<std::string> SegmentStore::read(const BlobRef& blob, std::uint64_t offset,
                                       std::uint64_t length) {
  Location location = TRY(parse_location(blob.location));
  std::shared_ptr<Segment> segment = find(location.segment);
  if (!segment) return fail(codes::kNotFound, "no blob at '" + blob.location + "'");
  SharedFile file = TRY(file_of(*segment));
  bool whole = offset == 0 && length == blob.size_bytes;
  // A whole blob is read with its header in front, in one call.
  std::size_t head = whole ? RecordHeader::kSizeBytes : 0;
  std::uint64_t start = location.offset + (whole ? 0 : RecordHeader::kSizeBytes + offset);
  std::string bytes(head + length, '\0');
  std::size_t got = TRY(read_fully(*file, bytes.data(), bytes.size(), start));
  if (got != bytes.size()) return fail(codes::kCorrupt, "blob " + blob.location + " is cut off");
  // The space of a record that was released meanwhile may hold anything by now.
  if (!whole && !segment->may_be_live(location.offset))
    return fail(codes::kNotFound, "no blob at '" + blob.location + "'");
  if (!whole) return bytes;
  RecordHeader header = TRY(RecordHeader::decode(std::string_view(bytes).substr(0, head),
                                                 segment->id(), location.offset));
  bytes.erase(0, head);
  if (header.payload_bytes != blob.size_bytes || header.payload_crc32c != blob.crc32c ||
      crc32c(bytes) != blob.crc32c)
    return fail(codes::kCorrupt, "blob " + blob.location + " does not match its checksum");
  return bytes;
}

void SegmentStore::release(const BlobRef& blob) {
  Result<Location> location = parse_location(blob.location);
  if (!location) return;
  std::shared_ptr<Segment> segment = find(location->segment);
  if (segment && segment->mark_dead(location->offset, blob.size_bytes)) remove(*segment);
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
  Result<Location> location = parse_location(blob.location);
  if (!location) return;
  std::shared_ptr<Segment> segment = find(location->segment);
  // Those of this run were marked when they were written.
  if (segment && !segment->counted()) segment->mark_live(location->offset, blob.size_bytes);
}

void SegmentStore::finish_counting() {
  std::vector<std::shared_ptr<Segment>> earlier;
  {
    std::shared_lock lock(segments_mutex_);
    for (const auto& [id, segment] : segments_)
      if (!segment->counted()) earlier.push_back(segment);
  }
  for (const std::shared_ptr<Segment>& segment : earlier) {
    std::uint64_t end = segment->live_end();
    if (end < segment->written_bytes() && ::truncate(segment->path().c_str(), off_t(end)) == 0)
      segment->set_written_bytes(end);
    if (segment->finish_counting()) remove(*segment);
  }
}

bool SegmentStore::should_relocate(const BlobRef& blob) const {
  Result<Location> location = parse_location(blob.location);
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
  {
    std::unique_lock lock(segments_mutex_);
    if (segments_.erase(segment.id()) == 0) return;
  }
  if (segment.close_file()) --open_files_;
  // Not synced: should the name come back after a power loss, the next collection removes it.
  if (::unlink(segment.path().c_str()) != 0)
    log::warning("a blob segment cannot be removed", {{"path", segment.path()}});
}

}  // namespace tidemill::blobs
