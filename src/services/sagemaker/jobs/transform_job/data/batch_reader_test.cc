#include "services/sagemaker/jobs/transform_job/data/batch_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>

#include "services/sagemaker/jobs/transform_job/data/gzip_source.h"

namespace tidemill::services::sagemaker::jobs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Hands out little pieces, as a network would.
class SmallPieces final : public ByteSource {
 public:
  explicit SmallPieces(std::string bytes, std::size_t piece) : bytes_(bytes), piece_(piece) {}
  Result<std::size_t> read(std::span<char> buffer) override {
    const std::size_t take = std::min({piece_, buffer.size(), bytes_.size() - position_});
    std::copy_n(bytes_.data() + position_, take, buffer.data());
    position_ += take;
    return take;
  }
  std::optional<std::uint64_t> size() const override { return bytes_.size(); }

 private:
  std::string bytes_;
  std::size_t piece_, position_ = 0;
};

struct Read {
  std::vector<std::string> payloads;
  std::vector<std::string> places;
  std::string error;
};

Read read_all_batches(const std::string& bytes, BatchOptions options, std::size_t piece = 1 << 20) {
  BatchReader reader(std::make_unique<SmallPieces>(bytes, piece), options);
  Read out;
  for (;;) {
    Result<std::optional<Batch>> batch = reader.next();
    if (!batch) {
      out.error = batch.error().message;
      return out;
    }
    if (!*batch) return out;
    out.payloads.push_back((*batch)->payload);
    out.places.push_back((*batch)->where());
  }
}

std::string gzip(const std::string& text) {
  z_stream stream{};
  ::deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(text.size() + 1000, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = uInt(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = uInt(out.size());
  ::deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  ::deflateEnd(&stream);
  return out;
}

TEST(BatchReader, PutsLinesTogetherUpToThePayload) {
  const BatchOptions options{SplitType::line, false, 7, 0};
  for (std::size_t piece : {1, 2, 3, 100}) {
    const Read read = read_all_batches("aa\nbb\ncc\ndd", options, piece);
    EXPECT_THAT(read.payloads, ElementsAre("aa\nbb", "cc\ndd"));
    EXPECT_THAT(read.places, ElementsAre("lines 1 to 2", "lines 3 to 4"));
    EXPECT_EQ(read.error, "");
  }
}

TEST(BatchReader, EmptyLinesAreNoRecordsButCount) {
  const BatchOptions options{SplitType::line, true, 100, 0};
  const Read read = read_all_batches("\na\r\n\r\n\nb\n\n", options);
  EXPECT_THAT(read.payloads, ElementsAre("a", "b"));
  EXPECT_THAT(read.places, ElementsAre("line 2", "line 5"));
}

TEST(BatchReader, AFileMayBeEmptyOrOnlyLineEnds) {
  const BatchOptions options{SplitType::line, false, 100, 0};
  EXPECT_THAT(read_all_batches("", options).payloads, IsEmpty());
  EXPECT_THAT(read_all_batches("\n\n", options).payloads, IsEmpty());
  EXPECT_THAT(read_all_batches("", {SplitType::none, false, 100, 0}).payloads, IsEmpty());
}

TEST(BatchReader, ALineLargerThanThePayloadIsNamed) {
  const BatchOptions options{SplitType::line, false, 1 << 20, 0};
  const Read read = read_all_batches("ok\n" + std::string((1 << 20) + 1, 'x') + "\nok\n", options);
  EXPECT_THAT(read.payloads, ElementsAre("ok"));
  EXPECT_EQ(read.error, "line 2 is larger than MaxPayloadInMB (1 MB) allows; raise it");
  // Exactly as large is fine, with and without a line end.
  EXPECT_EQ(read_all_batches(std::string(1 << 20, 'x') + "\n", options).error, "");
  EXPECT_EQ(read_all_batches(std::string(1 << 20, 'x'), options).error, "");
}

TEST(BatchReader, WithoutASplitTheFileGoesWhole) {
  EXPECT_THAT(read_all_batches("a\nb\n", {SplitType::none, false, 4, 0}).payloads,
              ElementsAre("a\nb\n"));
  EXPECT_THAT(read_all_batches("a\nb\nc", {SplitType::none, false, 4, 0}).error,
              HasSubstr("set a SplitType"));
}

TEST(BatchReader, SmallerPayloadsMayBeWanted) {
  const Read read = read_all_batches("aa\nbb\nlonger\n", {SplitType::line, false, 100, 5});
  EXPECT_THAT(read.payloads, ElementsAre("aa\nbb", "longer"));
}

// Written with MXNet's own layout: magic, length word, data, padding to four bytes.
std::string record_io(std::uint32_t part, const std::string& data) {
  std::string out("\x0a\x23\xd7\xce", 4);
  const std::uint32_t word = (part << 29) | std::uint32_t(data.size());
  for (int shift = 0; shift < 32; shift += 8) out += char((word >> shift) & 0xff);
  out += data;
  while (out.size() % 4) out += '\0';
  return out;
}

TEST(BatchReader, RecordIoLosesItsFrameAlone) {
  const std::string bytes = record_io(0, "abcde") + record_io(0, "") + record_io(0, "xyz!");
  EXPECT_THAT(read_all_batches(bytes, {SplitType::record_io, true, 100, 0}, 3).payloads,
              ElementsAre("abcde", "", "xyz!"));
  EXPECT_THAT(read_all_batches(bytes, {SplitType::record_io, false, 100, 0}, 3).payloads,
              ElementsAre(bytes));
}

TEST(BatchReader, RecordIoPartsComeTogetherWithTheMagicBetween) {
  const std::string bytes = record_io(1, "1234") + record_io(2, "") + record_io(3, "56");
  const std::string magic("\x0a\x23\xd7\xce", 4);
  const Read read = read_all_batches(bytes, {SplitType::record_io, true, 100, 0});
  EXPECT_THAT(read.payloads, ElementsAre("1234" + magic + magic + "56"));
}

TEST(BatchReader, DamagedRecordIoIsNamed) {
  const std::string good = record_io(0, "abc");
  const BatchOptions options{SplitType::record_io, true, 100, 0};
  EXPECT_THAT(read_all_batches(good + "????????", options).error, HasSubstr("record 2"));
  EXPECT_THAT(read_all_batches(good.substr(0, 9), options).error, HasSubstr("record 1 is cut off"));
  EXPECT_THAT(read_all_batches(record_io(2, "a"), options).error, HasSubstr("RecordIO parts"));
}

TEST(BatchReader, TfRecordIsCheckedAndLosesItsFrameAlone) {
  // Length 5; masked CRC32C of the length bytes and of "Hello" by an independent implementation
  // (bitwise CRC32C in Python).
  const std::string frame = std::string("\x05\0\0\0\0\0\0\0", 8) +
                            std::string("\xea\xb2\x04\x3e", 4) + "Hello" +
                            std::string("\x8a\xee\xb9\xbe", 4);
  EXPECT_THAT(read_all_batches(frame + frame, {SplitType::tf_record, true, 100, 0}, 5).payloads,
              ElementsAre("Hello", "Hello"));
  EXPECT_THAT(read_all_batches(frame + frame, {SplitType::tf_record, false, 100, 0}).payloads,
              ElementsAre(frame + frame));
  std::string damaged = frame;
  damaged[13] = 'E';
  EXPECT_THAT(read_all_batches(damaged, {SplitType::tf_record, true, 100, 0}).error,
              HasSubstr("record 1 is damaged"));
}

TEST(BatchReader, PartsOfABatchAreBatches) {
  BatchReader reader(std::make_unique<StringSource>("a\nbb\nccc\nd"),
                     {SplitType::line, false, 100, 0});
  const Batch batch = **reader.next();
  const Batch part = batch.part(1, 3);
  EXPECT_EQ(part.payload, "bb\nccc");
  EXPECT_EQ(part.where(), "lines 2 to 3");
  EXPECT_EQ(part.text(part.records[1]), "ccc");
}

TEST(Gunzip, ReadsMembersInARow) {
  auto source = gunzip(std::make_unique<SmallPieces>(gzip("Hello, ") + gzip("world"), 3));
  EXPECT_EQ(*read_all(*source, 100), "Hello, world");
  auto empty = gunzip(std::make_unique<StringSource>(gzip("")));
  EXPECT_EQ(*read_all(*empty, 100), "");
}

TEST(Gunzip, DamageIsAnError) {
  const std::string good = gzip(std::string(1000, 'x') + "end");
  auto cut = gunzip(std::make_unique<StringSource>(good.substr(0, good.size() - 5)));
  EXPECT_THAT(read_all(*cut, 10'000).error().message, HasSubstr("ends in the middle"));
  auto plain = gunzip(std::make_unique<StringSource>("not compressed"));
  EXPECT_THAT(read_all(*plain, 100).error().message, HasSubstr("cannot be decompressed"));
}

}  // namespace
}  // namespace tidemill::services::sagemaker::jobs
