// Round trips, ranges, concurrency, damage, release and garbage collection.
#include "blobs/blobs.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <thread>

#include "blobs/file_source.h"
#include "blobs/test_folder.h"

namespace tidemill::blobs {
namespace {

namespace fs = std::filesystem;

std::size_t files_below(const std::string& path) {
  std::size_t count = 0;
  for (const auto& entry : fs::recursive_directory_iterator(path))
    if (entry.is_regular_file()) ++count;
  return count;
}

class BlobsTest : public testing::Test {
 protected:
  BlobsTest() { reopen(); }
  void reopen() {
    store_.reset();
    options_.directory = folder_.path() + "/blobs";
    auto opened = open_blob_store(options_, *random_);
    ASSERT_TRUE(opened) << opened.error().message;
    store_ = std::move(*opened);
  }
  BlobRef put(std::string_view bytes) {
    auto ref = store_->put(bytes);
    EXPECT_TRUE(ref) << ref.error().message;
    return ref ? *ref : BlobRef{};
  }
  // Changes one byte of the file at this offset.
  static void flip(const std::string& path, std::uint64_t offset) {
    int file = ::open(path.c_str(), O_RDWR);
    char byte = 0;
    ASSERT_EQ(::pread(file, &byte, 1, off_t(offset)), 1);
    byte = char(byte ^ 0x40);
    ASSERT_EQ(::pwrite(file, &byte, 1, off_t(offset)), 1);
    ::close(file);
  }

  TestFolder folder_;
  std::unique_ptr<Random> random_ = make_seeded_random(7);
  BlobOptions options_;
  std::unique_ptr<BlobStore> store_;
};

TEST_F(BlobsTest, Put_roundTripsEverySizeAlsoAfterReopening) {
  std::vector<std::pair<BlobRef, std::string>> blobs;
  for (std::size_t size : {std::size_t(0), std::size_t(1), std::size_t(4096), (1u << 20) - 1ul,
                           (1ul << 20), (1ul << 20) + 1, 20ul << 20}) {
    std::string bytes = test_bytes(size, size + 1);
    BlobRef put_ref = put(bytes);
    EXPECT_EQ(put_ref.size_bytes, size);
    blobs.emplace_back(put_ref, bytes);

    auto writer = store_->create();
    ASSERT_TRUE(writer);
    for (std::size_t at = 0; at < size; at += 300'000)
      ASSERT_TRUE((*writer)->append(std::span(bytes).subspan(at, std::min(size - at, 300'000ul))));
    auto written = (*writer)->finish();
    ASSERT_TRUE(written) << written.error().message;
    EXPECT_EQ(written->crc32c, put_ref.crc32c);
    blobs.emplace_back(*written, bytes);
  }
  for (int round = 0; round < 2; ++round) {
    for (const auto& [ref, bytes] : blobs) {
      auto read = store_->read(ref);
      ASSERT_TRUE(read) << ref.location << ": " << read.error().message;
      EXPECT_TRUE(*read == bytes) << ref.location;
    }
    reopen();
  }
}

TEST_F(BlobsTest, Open_cutsRangesToTheBlob) {
  for (std::size_t size : {std::size_t(5000), std::size_t(3) << 20}) {
    std::string bytes = test_bytes(size, 3);
    BlobRef ref = put(bytes);
    for (auto [offset, length] :
         std::vector<std::pair<std::uint64_t, std::uint64_t>>{{0, 1},
                                                              {0, size},
                                                              {17, 4000},
                                                              {size - 1, 1},
                                                              {size - 1, 100},
                                                              {size, 5},
                                                              {size + 9, 5},
                                                              {0, ~0ull}}) {
      auto source = store_->open(ref, offset, length);
      ASSERT_TRUE(source);
      std::string expected =
          offset >= size ? ""
                         : bytes.substr(offset, std::size_t(std::min<std::uint64_t>(length, size)));
      EXPECT_EQ((*source)->size(), expected.size());
      auto all = read_all(**source, size);
      ASSERT_TRUE(all) << all.error().message;
      EXPECT_TRUE(*all == expected) << offset << "+" << length;
    }
  }
}

TEST_F(BlobsTest, Read_findsOneFlippedByte) {
  std::string bytes = test_bytes(1000, 5);
  BlobRef small = put(bytes);
  for (const auto& entry : fs::directory_iterator(options_.directory + "/segments"))
    flip(entry.path().string(), 16 + 500);
  auto read = store_->read(small);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, codes::kCorrupt);
  EXPECT_FALSE(store_->open(small, 0, 1000));

  BlobRef large = put(test_bytes(3 << 20, 6));
  flip(options_.directory + "/files/" + large.location.substr(2), 2 << 20);
  auto damaged = store_->read(large);
  ASSERT_FALSE(damaged);
  EXPECT_EQ(damaged.error().code, codes::kCorrupt);
  // Reading the stream never returns the last piece of a damaged body.
  auto source = store_->open(large, 0, large.size_bytes);
  ASSERT_TRUE(source);
  std::vector<char> piece(64 << 10);
  std::uint64_t received = 0;
  Result<std::size_t> got = std::size_t(0);
  while ((got = (*source)->read(piece)) && *got > 0) received += *got;
  EXPECT_FALSE(got);
  EXPECT_LT(received, large.size_bytes);
}

TEST_F(BlobsTest, Read_refusesARecordThatLiesElsewhere) {
  BlobRef first = put(test_bytes(100, 1));
  BlobRef second = put(test_bytes(100, 2));
  second.location = first.location;
  auto read = store_->read(second);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, codes::kCorrupt);
}

TEST_F(BlobsTest, Read_ofNonsenseLocationsIsNotFound) {
  for (std::string location : {"s/", "s/00000001/x", "s/00000009/0", "f/ab/../../../etc/passwd",
                               "q", "f/ab/0123456789abcdef0123456789abcdef", "s/00000001/7"}) {
    auto read = store_->read(BlobRef{location, 10, 0});
    ASSERT_FALSE(read) << location;
    EXPECT_EQ(read.error().code, codes::kNotFound) << location;
    store_->release(BlobRef{location, 10, 0});
  }
}

TEST_F(BlobsTest, Writer_droppedLeavesNothing) {
  {
    auto writer = store_->create();
    ASSERT_TRUE(writer);
    std::string bytes = test_bytes(3 << 20, 1);
    ASSERT_TRUE((*writer)->append(bytes));
  }
  EXPECT_EQ(files_below(options_.directory), 0u);
}

TEST_F(BlobsTest, Put_fromManyThreadsIsGroupedAndIntact) {
  constexpr int kThreads = 16;
  constexpr int kBlobs = 300;
  std::vector<std::vector<std::pair<BlobRef, std::string>>> written(kThreads);
  auto start = std::chrono::steady_clock::now();
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < kThreads; ++thread)
    threads.emplace_back([&, thread] {
      for (int i = 0; i < kBlobs; ++i) {
        std::string bytes = test_bytes(1024, std::uint64_t(thread * kBlobs + i));
        auto ref = store_->put(bytes);
        if (!ref) return;
        written[std::size_t(thread)].emplace_back(*ref, std::move(bytes));
      }
    });
  threads.clear();
  double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::cout << "durable puts of 1 KiB from 16 threads: " << int(kThreads * kBlobs / seconds)
            << " a second\n";
  for (auto& of_thread : written) {
    ASSERT_EQ(of_thread.size(), std::size_t(kBlobs));
    for (auto& [ref, bytes] : of_thread) {
      auto read = store_->read(ref);
      ASSERT_TRUE(read) << read.error().message;
      ASSERT_EQ(*read, bytes);
    }
  }
}

TEST_F(BlobsTest, Release_removesSegmentsWithoutLiveBlobsAndFiles) {
  options_.segment_bytes = 1 << 20;
  reopen();
  std::vector<BlobRef> refs;
  for (int i = 0; i < 40; ++i) refs.push_back(put(test_bytes(100'000, std::uint64_t(i))));
  BlobRef large = put(test_bytes(2 << 20, 99));
  EXPECT_GE(store_->statistics().segments, 4u);
  for (const BlobRef& ref : refs) {
    store_->release(ref);
    store_->release(ref);  // the second time has no effect
  }
  store_->release(large);
  store_->release(large);
  EXPECT_LE(store_->statistics().segments, 1u);  // the one that is still being filled
  EXPECT_EQ(store_->statistics().segment_live_bytes, 0u);
  EXPECT_LE(files_below(options_.directory), 1u);
  EXPECT_FALSE(store_->read(large));
}

TEST_F(BlobsTest, Release_waitsForOpenReadersAndPins) {
  std::string bytes = test_bytes(2 << 20, 1);
  BlobRef read_while_released = put(bytes);
  auto source = store_->open(read_while_released, 0, bytes.size());
  ASSERT_TRUE(source);
  store_->release(read_while_released);
  auto all = read_all(**source, bytes.size());
  ASSERT_TRUE(all);
  EXPECT_TRUE(*all == bytes);

  BlobRef pinned = put(bytes);
  std::shared_ptr<void> first = store_->pin({pinned});
  std::shared_ptr<void> second = store_->pin({pinned});
  store_->release(pinned);
  first.reset();
  EXPECT_TRUE(store_->read(pinned));
  second.reset();
  EXPECT_FALSE(store_->read(pinned));
}

TEST_F(BlobsTest, CollectGarbage_removesWhatNoRecordNamesAndNothingElse) {
  options_.segment_bytes = 1 << 20;
  reopen();
  std::vector<BlobRef> small;
  for (int i = 0; i < 30; ++i) small.push_back(put(test_bytes(100'000, std::uint64_t(i))));
  BlobRef live_large = put(test_bytes(2 << 20, 50));
  BlobRef dead_large = put(test_bytes(2 << 20, 51));
  reopen();
  BlobRef fresh_small = put(test_bytes(500, 52));
  BlobRef fresh_large = put(test_bytes(2 << 20, 53));
  std::uint64_t segments_before = store_->statistics().segments;
  auto collected = store_->collect_garbage(
      [&](const BlobStore::Mark& mark) -> Result<Coverage> {
        mark(small[0]);
        mark(live_large);
        return Coverage::complete;
      },
      Timestamp{});
  ASSERT_TRUE(collected) << collected.error().message;
  EXPECT_LT(store_->statistics().segments, segments_before);
  EXPECT_TRUE(store_->read(small[0]));
  EXPECT_TRUE(store_->read(live_large));
  EXPECT_GT(store_->statistics().quarantine_files, 0u);
  EXPECT_TRUE(store_->read(dead_large)) << "it comes back out of quarantine";
  EXPECT_TRUE(store_->read(fresh_small));
  EXPECT_TRUE(store_->read(fresh_large));
  store_->release(small[0]);
  EXPECT_FALSE(store_->read(small[0]));
}

TEST_F(BlobsTest, CollectGarbage_thatCannotMarkRemovesNothing) {
  BlobRef large = put(test_bytes(2 << 20, 51));
  BlobRef small = put(test_bytes(2000, 51));
  reopen();
  EXPECT_FALSE(store_->collect_garbage(
      [](const BlobStore::Mark&) -> Result<Coverage> { return fail(codes::kIo, "no index"); },
      Timestamp{}));
  EXPECT_TRUE(store_->read(large));
  EXPECT_TRUE(store_->read(small));
}

TEST_F(BlobsTest, ShouldRelocate_onlyWhenTheSegmentIsMostlyDead) {
  options_.segment_bytes = 1 << 20;
  reopen();
  std::vector<BlobRef> refs;
  for (int i = 0; i < 20; ++i) refs.push_back(put(test_bytes(100'000, std::uint64_t(i))));
  EXPECT_FALSE(store_->should_relocate(refs[0]));
  for (int i = 1; i < 10; ++i) store_->release(refs[std::size_t(i)]);
  EXPECT_TRUE(store_->should_relocate(refs[0]));
}

TEST_F(BlobsTest, Segments_beyondTheOpenFileLimitStillRead) {
  options_.segment_bytes = 1 << 20;
  options_.open_segments_max = 2;
  reopen();
  std::vector<BlobRef> refs;
  for (int i = 0; i < 60; ++i) refs.push_back(put(test_bytes(100'000, std::uint64_t(i))));
  for (int round = 0; round < 2; ++round)
    for (std::size_t i = 0; i < refs.size(); ++i) EXPECT_TRUE(store_->read(refs[i]));
}

}  // namespace
}  // namespace tidemill::blobs
