// The contract of owners: each marks its own blobs, and damage to one stops no other's collection.
#include "blobs/owners.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "blobs/test_folder.h"

namespace tidemill::blobs {
namespace {

constexpr Timestamp kNow{1'795'447'062'000'000};
constexpr Timestamp kInEightDays{kNow.microseconds + 8 * 86'400'000'000};

class BlobOwnersTest : public testing::Test {
 protected:
  BlobOwnersTest() { reopen(); }
  void reopen() {
    owners_ = std::make_unique<BlobOwners>(
        BlobOptions{.directory = folder_.path() + "/blobs", .database = {"database", first_, true}},
        *random_);
    first_ = false;
  }
  BlobStore& store(const char* owner) {
    auto opened = owners_->open(owner);
    EXPECT_TRUE(opened) << opened.error().message;
    return **opened;
  }
  static Result<void> collect(BlobStore& store, const std::vector<BlobRef>& used,
                              Coverage coverage = Coverage::complete) {
    return store.collect_garbage(
        [&](const BlobStore::Mark& mark) -> Result<Coverage> {
          for (const BlobRef& blob : used) mark(blob);
          return coverage;
        },
        kNow);
  }
  struct Pair {
    BlobRef used_small, used_large, lost_large;
    std::vector<BlobRef> used() const { return {used_small, used_large}; }
  };
  static Pair put_some(BlobStore& store, std::uint64_t seed) {
    Pair out;
    for (auto [ref, size] : {std::pair{&out.used_small, 100ul},
                             {&out.used_large, 2ul << 20},
                             {&out.lost_large, 2ul << 20}})
      *ref = store.put(test_bytes(size, seed)).value();
    return out;
  }
  static void expect_readable(BlobStore& store, const std::vector<BlobRef>& refs,
                              std::uint64_t seed) {
    for (const BlobRef& blob : refs) {
      auto bytes = store.read(blob);
      ASSERT_TRUE(bytes) << blob.location << ": " << bytes.error().message;
      EXPECT_TRUE(*bytes == test_bytes(blob.size_bytes, seed)) << blob.location;
    }
  }

  static std::uint64_t blocks_of(const std::string& path) {
    struct stat status{};
    EXPECT_EQ(::stat(path.c_str(), &status), 0);
    return std::uint64_t(status.st_blocks);
  }

  TestFolder folder_;
  bool first_ = true;
  std::unique_ptr<Random> random_ = make_seeded_random(7);
  std::unique_ptr<BlobOwners> owners_;
};

TEST_F(BlobOwnersTest, Each_ownersGarbageIsWhatItDoesNotMarkItself) {
  const Pair of_s3 = put_some(store("s3"), 1), of_code = put_some(store("lambda-code"), 2);
  reopen();
  ASSERT_TRUE(collect(store("s3"), of_s3.used()));
  EXPECT_EQ(owners_->statistics().quarantine_files, 1u);
  ASSERT_TRUE(collect(store("lambda-code"), of_code.used()));
  EXPECT_EQ(owners_->statistics().quarantine_files, 2u);
  expect_readable(store("s3"), of_s3.used(), 1);
  expect_readable(store("lambda-code"), of_code.used(), 2);
  owners_->delete_expired(kInEightDays);
  EXPECT_EQ(owners_->statistics().quarantine_files, 0u);
  EXPECT_FALSE(store("s3").read(of_s3.lost_large));
  EXPECT_FALSE(store("lambda-code").read(of_code.lost_large));
  expect_readable(store("s3"), of_s3.used(), 1);
}

TEST_F(BlobOwnersTest, Owner_thatCannotMarkStopsItsOwnCollectionOnly) {
  const Pair of_s3 = put_some(store("s3"), 1), of_code = put_some(store("lambda-code"), 2);
  reopen();
  EXPECT_FALSE(store("s3").collect_garbage(
      [](const BlobStore::Mark&) -> Result<Coverage> { return fail(codes::kIo, "no index"); },
      kNow));
  ASSERT_TRUE(collect(store("lambda-code"), of_code.used()));
  owners_->delete_expired(kInEightDays);
  expect_readable(store("s3"), of_s3.used(), 1);
  expect_readable(store("s3"), {of_s3.lost_large}, 1);
  EXPECT_FALSE(store("lambda-code").read(of_code.lost_large));
}

TEST_F(BlobOwnersTest, Damage_sparesWhatIsNotMarkedAndFreesWhatIsReleased) {
  BlobStore* s3 = &store("s3");
  std::vector<BlobRef> small;
  for (std::uint64_t i = 0; i < 4; ++i) small.push_back(s3->put(test_bytes(200'000, i)).value());
  const BlobRef large = s3->put(test_bytes(2 << 20, 9)).value();
  reopen();
  s3 = &store("s3");
  ASSERT_TRUE(collect(*s3, {small[0], small[1]}, Coverage::damaged));
  EXPECT_EQ(owners_->statistics().damaged_collections, 1u);
  EXPECT_EQ(owners_->statistics().quarantine_files, 0u);
  const std::string segment = folder_.path() + "/blobs/segments/00000001.segment";
  const std::uint64_t blocks_before = blocks_of(segment);
  s3->release(small[0]);
  s3->release(small[1]);
  // Their space is freed although the segment has other blobs that a damaged record may name.
  EXPECT_LE(blocks_of(segment) + 700, blocks_before);
  owners_->delete_expired(kInEightDays);
  expect_readable(*s3, {small[2]}, 2);
  expect_readable(*s3, {small[3]}, 3);
  expect_readable(*s3, {large}, 9);
  // The damaged record is restored or given up, so collection works normally again.
  reopen();
  s3 = &store("s3");
  ASSERT_TRUE(collect(*s3, {small[2]}));
  EXPECT_EQ(owners_->statistics().quarantine_files, 1u);
  expect_readable(*s3, {small[2]}, 2);
}

TEST_F(BlobOwnersTest, Folder_ofAnOwnerThatIsNotOpenedIsLeftAlone) {
  const Pair of_code = put_some(store("lambda-code"), 2);
  reopen();
  ASSERT_TRUE(collect(store("s3"), {}));
  owners_->report_unopened();
  owners_->delete_expired(kInEightDays);
  reopen();
  expect_readable(store("lambda-code"), of_code.used(), 2);
  expect_readable(store("lambda-code"), {of_code.lost_large}, 2);
}

TEST_F(BlobOwnersTest, Blob_ofAnotherOwnerIsNotReadAndNotReleased) {
  const Pair of_s3 = put_some(store("s3"), 1);
  const Pair of_code = put_some(store("lambda-code"), 2);
  for (const BlobRef& blob : of_s3.used()) {
    EXPECT_FALSE(store("lambda-code").read(blob)) << blob.location;
    store("ecr-layers").release(blob);
    EXPECT_FALSE(store("ecr-layers").read(blob)) << blob.location;
  }
  expect_readable(store("s3"), of_s3.used(), 1);
  expect_readable(store("lambda-code"), of_code.used(), 2);
}

TEST_F(BlobOwnersTest, Names_areNamesOfFolders) {
  for (const char* bad : {"", "..", "a/b", "A", "1a", "a_b", ".hidden"})
    EXPECT_FALSE(owners_->open(bad)) << bad;
  EXPECT_EQ(*owners_->open("s3"), *owners_->open("s3"));
}

}  // namespace
}  // namespace tidemill::blobs
