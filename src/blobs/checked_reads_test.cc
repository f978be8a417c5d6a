// Checks that every byte served was verified: in ranges and whole blobs, and in files written by an
// earlier version.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/checksum.h"
#include "blobs/blobs.h"
#include "blobs/block_sums.h"
#include "blobs/segment_record.h"
#include "blobs/test_folder.h"

namespace tidemill::blobs {
namespace {

namespace fs = std::filesystem;

class CheckedReadsTest : public testing::Test {
 protected:
  CheckedReadsTest() {
    options_.directory = folder_.path() + "/blobs";
    auto opened = open_blob_store(options_, *random_);
    EXPECT_TRUE(opened) << opened.error().message;
    store_ = std::move(*opened);
  }
  BlobRef put(std::string_view bytes) {
    auto ref = store_->put(bytes);
    EXPECT_TRUE(ref) << ref.error().message;
    return ref ? *ref : BlobRef{};
  }
  std::string path_of(const BlobRef& blob) const {
    return options_.directory + "/files/" + blob.location.substr(2);
  }
  static void flip(const std::string& path, std::uint64_t offset) {
    int file = ::open(path.c_str(), O_RDWR);
    char byte = 0;
    ASSERT_EQ(::pread(file, &byte, 1, off_t(offset)), 1);
    byte = char(byte ^ 1);
    ASSERT_EQ(::pwrite(file, &byte, 1, off_t(offset)), 1);
    ::close(file);
  }
  // Reads in pieces of the given size. On failure returns "" and sets the error's code.
  std::string read(const BlobRef& blob, std::uint64_t offset, std::uint64_t length,
                   std::size_t piece_bytes, std::string& code) {
    code.clear();
    std::string out, piece(piece_bytes, '\0');
    auto source = store_->open(blob, offset, length);
    while (source) {
      Result<std::size_t> got = (*source)->read(std::span(piece.data(), piece.size()));
      if (!got) code = got.error().code;
      if (!got || *got == 0) return out;
      out.append(piece, 0, *got);
    }
    code = source.error().code;
    return out;
  }

  TestFolder folder_;
  std::unique_ptr<Random> random_ = make_seeded_random(7);
  BlobOptions options_;
  std::unique_ptr<BlobStore> store_;
};

TEST_F(CheckedReadsTest, Ranges_areTheBytesInPiecesOfAnySize) {
  std::string bytes = test_bytes((5 << 20) + 12'345, 1);
  BlobRef blob = put(bytes);
  std::string code;
  for (std::size_t piece : {1'000ul, 65'536ul, 131'072ul, 262'144ul, 300'001ul})
    for (auto [offset, length] :
         std::vector<std::pair<std::uint64_t, std::uint64_t>>{{0, bytes.size()},
                                                              {1, bytes.size() - 1},
                                                              {65'535, 2},
                                                              {65'536, 65'536},
                                                              {100'000, 2 << 20},
                                                              {(1 << 20) + 7, (3 << 20) + 11},
                                                              {bytes.size() - 12'346, 12'346}}) {
      EXPECT_TRUE(read(blob, offset, length, piece, code) == bytes.substr(offset, length))
          << offset << "+" << length << " in pieces of " << piece << " " << code;
      EXPECT_EQ(code, "");
    }
}

TEST_F(CheckedReadsTest, Range_ofASmallBlobFindsOneFlippedByteAnywhere) {
  BlobRef blob = put(test_bytes(500'000, 2));
  std::string segment = options_.directory + "/segments/00000001.segment";
  const std::uint64_t prefix = prefix_bytes(RecordForm::blocked, 500'000);
  flip(segment, prefix + 400'000);
  std::string code;
  EXPECT_EQ(read(blob, 399'000, 2'000, 65'536, code), "");
  EXPECT_EQ(code, codes::kCorrupt);
  // The byte is in block 24 (of 16 KiB): ranges in other blocks do not read it, whole reads do.
  EXPECT_EQ(read(blob, 380'000, 10'000, 65'536, code).size(), 10'000u);
  EXPECT_EQ(read(blob, 425 * 1000, 75'000, 65'536, code).size(), 75'000u);
  EXPECT_FALSE(store_->read(blob));
  flip(segment, prefix + 400'000);
  EXPECT_EQ(read(blob, 399'000, 2'000, 65'536, code).size(), 2'000u);
  // Damage to the header or to any block's sum must be found.
  for (std::uint64_t at : {0ul, 4ul, 8ul, 12ul, 16ul, 16ul + 30 * 4, prefix - 1}) {
    flip(segment, at);
    EXPECT_EQ(read(blob, 10, 10, 65'536, code), "") << at;
    EXPECT_EQ(code, codes::kCorrupt) << at;
    flip(segment, at);
  }
}

TEST_F(CheckedReadsTest, Ranges_ofSmallBlobsAreTheBytes) {
  put(test_bytes(77, 1));  // so that no record begins at a multiple of the block size
  for (std::size_t size : {1ul, 16'383ul, 16'384ul, 16'385ul, 32'768ul, 500'000ul, 1ul << 20}) {
    const std::string bytes = test_bytes(size, size);
    const BlobRef blob = put(bytes);
    EXPECT_EQ(blob.location[0], size > 16'384 ? 'b' : 's') << size;
    std::string code;
    for (std::uint64_t offset : {0ul, 1ul, 16'383ul, 16'384ul, 16'385ul, 40'000ul, size - 1})
      for (std::uint64_t length : {1ul, 1'000ul, 16'384ul, 16'385ul, 70'000ul, size}) {
        if (offset >= size) continue;
        EXPECT_TRUE(read(blob, offset, length, 65'536, code) == bytes.substr(offset, length))
            << size << ": " << offset << "+" << length << " " << code;
        EXPECT_EQ(code, "");
      }
  }
}

TEST_F(CheckedReadsTest, Record_ofAVersionWithoutSumsIsReadMarkedAndReleasedAsItLies) {
  // Two neighbours as written by versions before block sums: a 16-byte header, then the payload.
  const std::string path = options_.directory + "/segments/00000005.segment";
  std::vector<std::string> payloads{test_bytes(100'000, 1), test_bytes(100'000, 2)};
  std::vector<BlobRef> refs;
  std::string file;
  for (const std::string& payload : payloads) {
    const RecordHeader header{std::uint32_t(payload.size()), crc32c(payload)};
    refs.push_back({"s/00000005/" + std::to_string(file.size()), payload.size(), crc32c(payload)});
    file += header.encode(5, file.size(), {}) + payload;
    file.resize((file.size() + 63) / 64 * 64);
  }
  std::ofstream(path, std::ios::binary) << file;
  store_.reset();
  store_ = std::move(*open_blob_store(options_, *random_));
  ASSERT_TRUE(store_->collect_garbage(
      [&](const BlobStore::Mark& mark) -> Result<Coverage> {
        for (const BlobRef& blob : refs) mark(blob);
        return Coverage::complete;
      },
      Timestamp{}));
  EXPECT_EQ(store_->statistics().segment_live_bytes, file.size());
  std::string code;
  EXPECT_TRUE(read(refs[0], 5'000, 100, 65'536, code) == payloads[0].substr(5'000, 100)) << code;
  store_->release(refs[0]);
  EXPECT_EQ(store_->statistics().segment_live_bytes, file.size() / 2);
  EXPECT_TRUE(store_->read(refs[1]).value() == payloads[1]);
  flip(path, file.size() - 1'000);
  EXPECT_EQ(read(refs[1], 0, 10, 65'536, code), "") << "checked as a whole";
  EXPECT_EQ(code, codes::kCorrupt);
}

TEST_F(CheckedReadsTest, Range_ofALargeBlobNeverHandsOutADamagedBlock) {
  std::string bytes = test_bytes(4 << 20, 3);
  BlobRef blob = put(bytes);
  const std::uint64_t damaged_at = (2 << 20) + 100;
  flip(path_of(blob), damaged_at);
  std::string code;
  // The damaged byte, a range beside it in its block, and a range that reaches into the block.
  EXPECT_EQ(read(blob, damaged_at, 1, 65'536, code), "");
  EXPECT_EQ(code, codes::kCorrupt);
  EXPECT_EQ(read(blob, damaged_at + 50, 10, 65'536, code), "");
  EXPECT_EQ(code, codes::kCorrupt);
  std::string before = read(blob, 1 << 20, 2 << 20, 131'072, code);
  EXPECT_EQ(code, codes::kCorrupt);
  EXPECT_LE(before.size(), 1u << 20);
  EXPECT_TRUE(before == bytes.substr(1 << 20, before.size()));
  // Other blocks are still served.
  EXPECT_TRUE(read(blob, 3 << 20, 1 << 20, 65'536, code) == bytes.substr(3 << 20));
  EXPECT_EQ(code, "");
  read(blob, 0, bytes.size(), 262'144, code);
  EXPECT_EQ(code, codes::kCorrupt);
  auto whole = store_->read(blob);
  ASSERT_FALSE(whole);
  EXPECT_EQ(whole.error().code, codes::kCorrupt);
  EXPECT_THAT(whole.error().message, testing::HasSubstr(blob.location));
}

TEST_F(CheckedReadsTest, FileOfAnEarlierVersion_isCheckedAsAWholeAndGetsItsSums) {
  std::string bytes = test_bytes((3 << 20) + 5, 4);
  BlobRef blob = put(bytes);
  ASSERT_EQ(::truncate(path_of(blob).c_str(), off_t(bytes.size())), 0);
  flip(path_of(blob), 1000);
  std::string code;
  // Damage far from the range, which a version without sums could not have located.
  EXPECT_EQ(read(blob, 2 << 20, 100, 65'536, code), "");
  EXPECT_EQ(code, codes::kCorrupt);
  EXPECT_EQ(fs::file_size(path_of(blob)), bytes.size());
  flip(path_of(blob), 1000);
  EXPECT_TRUE(read(blob, 2 << 20, 100, 65'536, code) == bytes.substr(2 << 20, 100));
  EXPECT_GT(fs::file_size(path_of(blob)), bytes.size());
  // From now on the file is checked by blocks.
  flip(path_of(blob), 1000);
  EXPECT_TRUE(read(blob, 2 << 20, 100, 65'536, code) == bytes.substr(2 << 20, 100));
  EXPECT_EQ(read(blob, 0, 100, 65'536, code), "");
  EXPECT_EQ(code, codes::kCorrupt);
}

TEST_F(CheckedReadsTest, DamagedTrailer_isNotBelieved) {
  std::string bytes = test_bytes(3 << 20, 5);
  BlobRef blob = put(bytes);
  const std::uint64_t size = fs::file_size(path_of(blob));
  std::string code;
  for (std::uint64_t at : {std::uint64_t(bytes.size()), size - 32, size - 20, size - 1}) {
    flip(path_of(blob), at);
    EXPECT_TRUE(read(blob, 70'000, 1'000, 65'536, code) == bytes.substr(70'000, 1'000)) << at;
  }
  ASSERT_EQ(::truncate(path_of(blob).c_str(), off_t(bytes.size() + 7)), 0);
  EXPECT_TRUE(read(blob, 70'000, 1'000, 65'536, code) == bytes.substr(70'000, 1'000));
  // A file cut off within its payload is no longer a valid blob.
  ASSERT_EQ(::truncate(path_of(blob).c_str(), 2 << 20), 0);
  EXPECT_EQ(read(blob, 70'000, 1'000, 65'536, code), "");
  EXPECT_EQ(code, codes::kCorrupt);
}

TEST_F(CheckedReadsTest, Trailer_ofAnotherBlobIsNotBelieved) {
  BlobRef first = put(test_bytes(2 << 20, 6)), second = put(test_bytes(2 << 20, 7));
  fs::copy_file(path_of(second), path_of(first), fs::copy_options::overwrite_existing);
  std::string code;
  EXPECT_EQ(read(first, 0, 100, 65'536, code), "");
  EXPECT_EQ(code, codes::kCorrupt);
}

TEST_F(CheckedReadsTest, Put_intoARemovedFolderIsNotAcknowledged) {
  put(test_bytes(100, 1));
  for (const char* gone : {"/segments", "/files"}) {
    fs::rename(options_.directory + gone, folder_.path() + "/aside");
    auto small = store_->put(test_bytes(100, 2));
    ASSERT_FALSE(small) << gone;
    EXPECT_EQ(small.error().code, codes::kIo);
    EXPECT_FALSE(store_->put(test_bytes(2 << 20, 3)));
    // Another folder of the same name is not the folder that was opened.
    fs::create_directory(options_.directory + gone);
    EXPECT_FALSE(store_->put(test_bytes(100, 4)));
    fs::remove_all(options_.directory + gone);
    fs::rename(folder_.path() + "/aside", options_.directory + gone);
    EXPECT_TRUE(store_->put(test_bytes(100, 5)));
  }
}

}  // namespace
}  // namespace tidemill::blobs
