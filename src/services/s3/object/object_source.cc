#include "services/s3/object/object_source.h"

#include <algorithm>
#include <vector>

namespace tidemill::services::s3 {

namespace {

struct Piece {
  blobs::BlobRef blob;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

class PiecesSource final : public ByteSource {
 public:
  PiecesSource(blobs::BlobStore& store, std::vector<Piece> pieces, std::shared_ptr<void> pins,
               std::uint64_t size)
      : store_(store), pieces_(std::move(pieces)), pins_(std::move(pins)), size_(size) {}

  // Opens the first piece, so that a record that has just been replaced shows before the response
  // has begun.
  Result<void> begin() { return open_next(); }

  Result<std::size_t> read(std::span<char> buffer) override {
    while (current_) {
      std::size_t got = TRY(current_->read(buffer));
      if (got > 0) return got;
      current_.reset();
      if (next_ < pieces_.size()) TRY(open_next());
    }
    return std::size_t(0);
  }
  std::optional<std::uint64_t> size() const override { return size_; }

 private:
  Result<void> open_next() {
    const Piece& piece = pieces_[next_++];
    current_ = TRY(store_.open(piece.blob, piece.offset, piece.length));
    return {};
  }

  blobs::BlobStore& store_;
  const std::vector<Piece> pieces_;
  const std::shared_ptr<void> pins_;  // an opaque handle: the blob store's pin
  const std::uint64_t size_;
  std::size_t next_ = 0;
  std::unique_ptr<ByteSource> current_;
};

}  // namespace

Result<std::unique_ptr<ByteSource>> open_object(blobs::BlobStore& blobs, const ObjectRecord& object,
                                                const ByteRange& range) {
  if (!object.parts) {
    blobs::BlobRef blob = object.blob.value_or(blobs::BlobRef{});
    return blobs.open(blob, range.offset, range.length);
  }
  std::vector<Piece> pieces;
  std::vector<blobs::BlobRef> to_pin;
  std::uint64_t start = 0;
  std::uint64_t end = range.offset + range.length;
  for (const ObjectPartRecord& part : *object.parts) {
    std::uint64_t part_end = start + part.blob.size_bytes;
    std::uint64_t from = std::max(start, range.offset);
    std::uint64_t to = std::min(part_end, end);
    if (from < to) {
      pieces.push_back({part.blob, from - start, to - from});
      to_pin.push_back(part.blob);
    }
    start = part_end;
  }
  if (pieces.empty()) return blobs.open(blobs::BlobRef{}, 0, 0);
  if (pieces.size() == 1)
    return blobs.open(pieces.front().blob, pieces.front().offset, pieces.front().length);
  auto source =
      std::make_unique<PiecesSource>(blobs, std::move(pieces), blobs.pin(to_pin), range.length);
  TRY(source->begin());
  return std::unique_ptr<ByteSource>(std::move(source));
}

}  // namespace tidemill::services::s3
