#include "services/sagemaker/jobs/transform_job/data/batch_reader.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/checksum.h"

namespace tidemill::services::sagemaker::jobs {

namespace {

constexpr std::size_t kPieceBytes = 256u << 10;

// MXNet's RecordIO: a magic number, a word of three bits (which part of a record) and a length, the
// data, padding to four bytes. A record that holds the magic number is written in parts.
constexpr std::uint32_t kRecordIoMagic = 0xced7230a;
constexpr std::size_t kRecordIoHeadBytes = 8;
constexpr std::uint32_t kRecordIoLengthMask = (1u << 29) - 1;
enum RecordIoPart : std::uint32_t { kWhole = 0, kFirst = 1, kMiddle = 2, kLast = 3 };

// TensorFlow's TFRecord: length (8 bytes), its masked CRC32C, the data, their masked CRC32C.
constexpr std::size_t kTfHeadBytes = 12;
constexpr std::size_t kTfTailBytes = 4;

template <class Number>
Number little_endian(std::string_view bytes) {
  static_assert(std::endian::native == std::endian::little);
  Number out;
  std::memcpy(&out, bytes.data(), sizeof out);
  return out;
}

std::uint32_t masked_crc(std::string_view bytes) {
  const std::uint32_t crc = crc32c(bytes);
  return std::rotr(crc, 15) + 0xa282ead8u;
}

std::size_t padded(std::size_t length) { return (length + 3) / 4 * 4; }

}  // namespace

std::string Batch::where() const {
  if (split == SplitType::none) return "the file";
  const std::string kind = split == SplitType::line ? "line" : "record";
  if (records.empty()) return "no " + kind;
  const std::string first = std::to_string(records.front().number);
  if (records.size() == 1) return kind + " " + first;
  return kind + "s " + first + " to " + std::to_string(records.back().number);
}

Batch Batch::part(std::size_t begin, std::size_t end) const {
  Batch out;
  out.split = split;
  out.records.assign(records.begin() + std::ptrdiff_t(begin),
                     records.begin() + std::ptrdiff_t(end));
  if (out.records.empty()) return out;
  const std::uint32_t from = out.records.front().offset;
  const BatchRecord& last = out.records.back();
  out.payload = payload.substr(from, last.offset + last.length - from);
  for (BatchRecord& record : out.records) record.offset -= from;
  return out;
}

// The bytes that were read and are not used up.
class BatchReader::Window {
 public:
  explicit Window(std::unique_ptr<ByteSource> source) : source_(std::move(source)) {}

  // Sees to it that `bytes` lie ahead; false when the source ends before.
  Result<bool> ensure(std::size_t bytes) {
    while (size() < bytes) {
      if (ended_) return false;
      if (begin_ > 0) {
        bytes_.erase(0, begin_);
        begin_ = 0;
      }
      const std::size_t old = bytes_.size();
      bytes_.resize(old + kPieceBytes);
      Result<std::size_t> got = source_->read(std::span(bytes_.data() + old, kPieceBytes));
      bytes_.resize(old + (got ? *got : 0));
      if (!got) return fail(got.error());
      read_ += *got;
      ended_ = *got == 0;
    }
    return true;
  }
  std::size_t size() const { return bytes_.size() - begin_; }
  std::string_view view() const { return std::string_view(bytes_).substr(begin_); }
  std::string_view view(std::size_t offset, std::size_t length) const {
    return view().substr(offset, length);
  }
  void skip(std::size_t bytes) { begin_ += bytes; }
  std::uint64_t bytes_read() const { return read_; }

 private:
  std::unique_ptr<ByteSource> source_;
  std::string bytes_;
  std::size_t begin_ = 0;
  std::uint64_t read_ = 0;
  bool ended_ = false;
};

BatchReader::BatchReader(std::unique_ptr<ByteSource> source, BatchOptions options)
    : options_(options), window_(std::make_unique<Window>(std::move(source))) {}

BatchReader::~BatchReader() = default;

std::uint64_t BatchReader::bytes_read() const { return window_->bytes_read(); }

std::unexpected<Error> BatchReader::bad_record(const std::string& what) const {
  const char* kind = options_.split == SplitType::line ? "line " : "record ";
  return fail(codes::kInvalid, kind + std::to_string(number_) + " " + what);
}

std::unexpected<Error> BatchReader::too_large() const {
  constexpr std::size_t kMegabyte = 1u << 20;
  const std::string limit = " is larger than MaxPayloadInMB (" +
                            std::to_string(options_.payload_bytes_max / kMegabyte) + " MB) allows";
  if (options_.split == SplitType::none)
    return fail(codes::kInvalid, "the file" + limit + "; raise it, or set a SplitType");
  return bad_record(limit.substr(1) + "; raise it");
}

Result<std::optional<BatchReader::Frame>> BatchReader::find_line() {
  for (std::size_t searched = 0;;) {
    const std::string_view ahead = window_->view();
    const std::size_t end = ahead.find('\n', searched);
    std::size_t length = end == ahead.npos ? ahead.size() : end;
    const bool found = end != ahead.npos;
    if (!found && TRY(window_->ensure(ahead.size() + 1))) {
      searched = length;
      // A line without an end is not read to the end of the disk.
      if (length > options_.payload_bytes_max + 1) return too_large();
      continue;
    }
    const std::size_t framed = found ? length + 1 : length;
    if (framed == 0) return std::optional<Frame>();
    if (length > 0 && window_->view()[length - 1] == '\r') --length;
    return std::optional(Frame{framed, 0, length});
  }
}

Result<std::optional<BatchReader::Frame>> BatchReader::find_record_io() {
  Frame frame;
  for (bool first = true;; first = false) {
    const std::size_t at = frame.framed;
    if (!TRY(window_->ensure(at + kRecordIoHeadBytes))) {
      if (first && window_->size() == 0) return std::optional<Frame>();
      return bad_record("ends in the middle of a RecordIO header");
    }
    const std::string_view head = window_->view(at, kRecordIoHeadBytes);
    if (little_endian<std::uint32_t>(head) != kRecordIoMagic)
      return bad_record("does not begin with RecordIO's magic number");
    const auto word = little_endian<std::uint32_t>(head.substr(4));
    const std::uint32_t part = word >> 29;
    const std::size_t length = word & kRecordIoLengthMask;
    if (first ? part != kWhole && part != kFirst : part != kMiddle && part != kLast)
      return bad_record("is no sequence of RecordIO parts");
    if (at + length > options_.payload_bytes_max) return too_large();
    if (!TRY(window_->ensure(at + kRecordIoHeadBytes + padded(length))))
      return bad_record("is cut off");
    frame.framed = at + kRecordIoHeadBytes + padded(length);
    if (first) {
      frame.data_offset = kRecordIoHeadBytes;
      frame.data_length = length;
    }
    frame.several_parts = !first;
    if (part == kWhole || part == kLast) return std::optional(frame);
  }
}

Result<std::optional<BatchReader::Frame>> BatchReader::find_tf_record() {
  if (!TRY(window_->ensure(kTfHeadBytes))) {
    if (window_->size() == 0) return std::optional<Frame>();
    return bad_record("ends in the middle of a TFRecord header");
  }
  const std::string_view head = window_->view(0, kTfHeadBytes);
  if (little_endian<std::uint32_t>(head.substr(8)) != masked_crc(head.substr(0, 8)))
    return bad_record("is no TFRecord: the checksum of its length does not match");
  const auto length = little_endian<std::uint64_t>(head);
  if (length > options_.payload_bytes_max) return too_large();
  const std::size_t framed = kTfHeadBytes + length + kTfTailBytes;
  if (!TRY(window_->ensure(framed))) return bad_record("is cut off");
  const std::string_view data = window_->view(kTfHeadBytes, length);
  if (little_endian<std::uint32_t>(window_->view(kTfHeadBytes + length, kTfTailBytes)) !=
      masked_crc(data))
    return bad_record("is damaged: the checksum of its data does not match");
  return std::optional(Frame{framed, kTfHeadBytes, length});
}

Result<std::optional<BatchReader::Frame>> BatchReader::find_record() {
  switch (options_.split) {
    case SplitType::record_io:
      return find_record_io();
    case SplitType::tf_record:
      return find_tf_record();
    default:
      return find_line();
  }
}

void BatchReader::add(const Frame& frame, Batch& batch) const {
  const bool line = options_.split == SplitType::line;
  if (line && !batch.payload.empty()) batch.payload += '\n';
  BatchRecord record{std::uint32_t(batch.payload.size()), 0, number_};
  if (!line && !options_.single_record) {
    batch.payload += window_->view(0, frame.framed);
  } else if (!frame.several_parts) {
    batch.payload += window_->view(frame.data_offset, frame.data_length);
  } else {
    // Parts were split where the magic number stood; it comes back between them.
    for (std::size_t at = 0; at < frame.framed;) {
      if (at > 0) batch.payload += window_->view(at, sizeof kRecordIoMagic);
      const auto word = little_endian<std::uint32_t>(window_->view(at + 4, 4));
      const std::size_t length = word & kRecordIoLengthMask;
      batch.payload += window_->view(at + kRecordIoHeadBytes, length);
      at += kRecordIoHeadBytes + padded(length);
    }
  }
  record.length = std::uint32_t(batch.payload.size()) - record.offset;
  batch.records.push_back(record);
}

Result<std::optional<Batch>> BatchReader::whole_file() {
  over_ = true;
  if (TRY(window_->ensure(options_.payload_bytes_max + 1))) return too_large();
  if (window_->size() == 0) return std::optional<Batch>();
  Batch batch;
  batch.payload = window_->view();
  batch.records.push_back({0, std::uint32_t(batch.payload.size()), 1});
  return std::optional(std::move(batch));
}

Result<std::optional<Batch>> BatchReader::next() {
  if (over_) return std::optional<Batch>();
  if (options_.split == SplitType::none) return whole_file();
  std::size_t wanted = options_.payload_bytes_max;
  if (options_.payload_bytes_wanted > 0) wanted = std::min(wanted, options_.payload_bytes_wanted);
  Batch batch;
  batch.split = options_.split;
  for (;;) {
    Result<std::optional<Frame>> found = find_record();
    // The records before a bad one are still good.
    if (!found && !batch.records.empty() && found.error().code == codes::kInvalid) break;
    if (!found) return fail(found.error());
    if (!*found) {
      over_ = true;
      break;
    }
    const Frame& frame = **found;
    const bool line = options_.split == SplitType::line;
    const std::size_t size = line || options_.single_record ? frame.data_length : frame.framed;
    if (size > options_.payload_bytes_max) {
      if (!batch.records.empty()) break;
      return too_large();
    }
    if (line && frame.data_length == 0) {
      window_->skip(frame.framed);
      ++number_;
      continue;
    }
    if (!batch.records.empty() && batch.payload.size() + size + (line ? 1 : 0) > wanted) break;
    add(frame, batch);
    window_->skip(frame.framed);
    ++number_;
    if (options_.single_record) break;
  }
  if (batch.records.empty()) return std::optional<Batch>();
  return std::optional(std::move(batch));
}

}  // namespace tidemill::services::sagemaker::jobs
