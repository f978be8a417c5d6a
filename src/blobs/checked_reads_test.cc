// Every byte that is served was checked: of ranges as of whole blobs, of files that an earlier
// version wrote as well.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/checksum.h"
#include "blobs/blobs.h"
#include "blobs/block_sums.h"
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
  // "" and the error's code when reading fails, in pieces of that size.
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
  flip(segment, 16 + 400'000);
  std::string code;
  EXPECT_EQ(read(blob, 399'000, 2'000, 65'536, code), "");
  EXPECT_EQ(code, codes::kCorrupt);
  flip(segment, 16 + 400'000);
  EXPECT_EQ(read(blob, 399'000, 2'000, 65'536, code).size(), 2'000u);
}

TEST_F(CheckedReadsTest, Range_ofALargeBlobNeverHandsOutADamagedBlock) {
  std::string bytes = test_bytes(4 << 20, 3);
  BlobRef blob = put(bytes);
  const std::uint64_t damaged_at = (2 << 20) + 100;
  flip(path_of(blob), damaged_at);
  std::string code;
  // The byte itself, a range in its block beside it, and one that runs into it.
  EXPECT_EQ(read(blob, damaged_at, 1, 65'536, code), "");
  EXPECT_EQ(code, codes::kCorrupt);
  EXPECT_EQ(read(blob, damaged_at + 50, 10, 65'536, code), "");
  EXPECT_EQ(code, codes::kCorrupt);
  std::string before = read(blob, 1 << 20, 2 << 20, 131'072, code);
  EXPECT_EQ(code, codes::kCorrupt);
  EXPECT_LE(before.size(), 1u << 20);
  EXPECT_TRUE(before == bytes.substr(1 << 20, before.size()));
  // Other blocks are served.
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
  // Damage far from the range, which a version without sums could not have told from it.
  EXPECT_EQ(read(blob, 2 << 20, 100, 65'536, code), "");
  EXPECT_EQ(code, codes::kCorrupt);
  EXPECT_EQ(fs::file_size(path_of(blob)), bytes.size());
  flip(path_of(blob), 1000);
  EXPECT_TRUE(read(blob, 2 << 20, 100, 65'536, code) == bytes.substr(2 << 20, 100));
  EXPECT_GT(fs::file_size(path_of(blob)), bytes.size());
  // From now on by blocks.
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
  // A file cut off within its payload is no blob any more.
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
    // Another folder of the same name is not the one.
    fs::create_directory(options_.directory + gone);
    EXPECT_FALSE(store_->put(test_bytes(100, 4)));
    fs::remove_all(options_.directory + gone);
    fs::rename(folder_.path() + "/aside", options_.directory + gone);
    EXPECT_TRUE(store_->put(test_bytes(100, 5)));
  }
}

}  // namespace
}  // namespace tidemill::blobs
