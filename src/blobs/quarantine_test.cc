// Unnamed blobs are kept for days; blobs of another database are not touched at all.
#include "blobs/quarantine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "blobs/blobs.h"
#include "blobs/test_folder.h"

namespace tidemill::blobs {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr Timestamp kNow{1'795'447'062'000'000};
constexpr std::int64_t kDayMicroseconds = 86'400'000'000;

class QuarantineTest : public testing::Test {
 protected:
  void reopen(const DatabaseOwner& database) {
    store_.reset();
    BlobOptions options{.directory = folder_.path() + "/blobs"};
    options.segment_bytes = 1 << 20;
    options.database = database;
    options.ages_began = ages_began_;
    auto opened = open_blob_store(options, *random_);
    ASSERT_TRUE(opened) << opened.error().message;
    store_ = std::move(*opened);
  }
  std::vector<BlobRef> put_some(std::uint64_t seed) {
    std::vector<BlobRef> refs;
    for (std::size_t size : {100ul, 900'000ul, 2ul << 20, 200'000ul})
      refs.push_back(store_->put(test_bytes(size, seed + size)).value());
    return refs;
  }
  void collect(const std::vector<BlobRef>& live, Timestamp now = kNow) {
    auto collected = store_->collect_garbage(
        [&](const BlobStore::Mark& mark) -> Result<Coverage> {
          for (const BlobRef& blob : live) mark(blob);
          return Coverage::complete;
        },
        now);
    ASSERT_TRUE(collected) << collected.error().message;
  }
  void expect_readable(const std::vector<BlobRef>& refs, std::uint64_t seed) {
    for (const BlobRef& blob : refs) {
      auto bytes = store_->read(blob);
      ASSERT_TRUE(bytes) << blob.location << ": " << bytes.error().message;
      EXPECT_TRUE(*bytes == test_bytes(blob.size_bytes, seed + blob.size_bytes));
    }
  }
  std::uint64_t quarantined() const { return store_->statistics().quarantine_files; }

  std::optional<Timestamp> ages_began_;
  TestFolder folder_;
  std::unique_ptr<Random> random_ = make_seeded_random(7);
  std::unique_ptr<BlobStore> store_;
};

const DatabaseOwner kFirst{"first", true, false};
const DatabaseOwner kOwner{"first", false, true};
const DatabaseOwner kNewborn{"second", true, false};

TEST_F(QuarantineTest, Newborn_databaseCollectsNothingAndTheOwnerFindsEverything) {
  reopen(kFirst);
  EXPECT_EQ(store_->why_not_collected(), "");
  std::vector<BlobRef> refs = put_some(1);
  reopen(kNewborn);
  EXPECT_THAT(store_->why_not_collected(), HasSubstr("belong to the state database first"));
  std::vector<BlobRef> of_newborn = put_some(2);
  collect({});
  EXPECT_EQ(quarantined(), 0u);
  // Nor does it collect at its second start, when it has records of its own.
  reopen({"second", false, true});
  collect({of_newborn});
  expect_readable(of_newborn, 2);
  EXPECT_EQ(quarantined(), 0u);
  reopen(kOwner);
  EXPECT_EQ(store_->why_not_collected(), "");
  collect(refs);
  expect_readable(refs, 1);
  // The other database's blobs stay in quarantine, in case that one was the right one.
  EXPECT_GT(quarantined(), 0u);
}

TEST_F(QuarantineTest, Blobs_ofAVersionWithoutIdsAreTakenByADatabaseWithRecordsOnly) {
  reopen({});
  std::vector<BlobRef> refs = put_some(1);
  reopen(kNewborn);
  EXPECT_THAT(store_->why_not_collected(), HasSubstr("not found"));
  collect({});
  reopen({"second", false, true});
  EXPECT_NE(store_->why_not_collected(), "");
  collect({});
  EXPECT_EQ(quarantined(), 0u);
  // The old version's database comes back, and gets its id at this start.
  reopen({"old", true, true});
  EXPECT_EQ(store_->why_not_collected(), "");
  collect(refs);
  expect_readable(refs, 1);
  reopen({"second", false, true});
  EXPECT_NE(store_->why_not_collected(), "");
}

TEST_F(QuarantineTest, Removed_ownerFileGivesTheBlobsToTheNext) {
  reopen(kFirst);
  put_some(1);
  fs::remove(folder_.path() + "/blobs/DATABASE");
  reopen({"second", false, true});
  EXPECT_EQ(store_->why_not_collected(), "");
  collect({});
  EXPECT_GT(quarantined(), 0u);
}

TEST_F(QuarantineTest, Garbage_isKeptForDaysAndComesBackWhenARecordNamesIt) {
  reopen(kFirst);
  std::vector<BlobRef> refs = put_some(1);
  reopen(kOwner);
  collect({});  // as with a state database from an old backup
  EXPECT_GE(quarantined(), 3u);
  reopen(kOwner);
  std::vector<BlobRef> later = put_some(5);
  // The blob is readable before the collection reaches it, which brings it back.
  expect_readable({refs[2]}, 1);
  collect(refs, Timestamp{kNow.microseconds + 30 * kDayMicroseconds});
  expect_readable(refs, 1);
  expect_readable(later, 5);
  EXPECT_EQ(quarantined(), 0u);
}

TEST_F(QuarantineTest, Garbage_isDeletedAfterTheNamedTime) {
  reopen(kFirst);
  std::vector<BlobRef> refs = put_some(1);
  reopen(kOwner);
  store_->delete_expired(Timestamp{kNow.microseconds + 30 * kDayMicroseconds});
  collect({});
  const std::uint64_t files = quarantined();
  EXPECT_GE(files, 3u);
  store_->delete_expired(Timestamp{kNow.microseconds + 6 * kDayMicroseconds});
  EXPECT_EQ(quarantined(), files);
  store_->delete_expired(Timestamp{kNow.microseconds - 300 * kDayMicroseconds});
  EXPECT_EQ(quarantined(), files);
  store_->delete_expired(Timestamp{kNow.microseconds + 7 * kDayMicroseconds});
  EXPECT_EQ(quarantined(), 0u);
  for (const BlobRef& blob : refs) EXPECT_FALSE(store_->read(blob));
  EXPECT_TRUE(fs::is_empty(folder_.path() + "/blobs/quarantine"));
}

// A first start whose clock showed 1970 or was years ahead had moved the blobs to quarantine.
TEST_F(QuarantineTest, Age_fromBeforeTheClockBeganIsNotBelieved) {
  reopen(kFirst);
  put_some(1);
  reopen(kOwner);
  collect({}, Timestamp{kNow.microseconds + 3650 * kDayMicroseconds});
  const std::uint64_t files = quarantined();
  reopen(kOwner);
  put_some(5);
  reopen(kOwner);
  collect({}, Timestamp{60'000'000});
  EXPECT_GT(quarantined(), files);
  const std::uint64_t all = quarantined();
  ages_began_ = kNow;
  reopen(kOwner);
  collect({});
  store_->delete_expired(Timestamp{kNow.microseconds + 6 * kDayMicroseconds});
  EXPECT_EQ(quarantined(), all);
  store_->delete_expired(Timestamp{kNow.microseconds + 7 * kDayMicroseconds});
  EXPECT_EQ(quarantined(), 0u);
}

TEST_F(QuarantineTest, Expired_isNotDeletedBeforeThisRunKnowsWhatLives) {
  reopen(kFirst);
  std::vector<BlobRef> refs = put_some(1);
  reopen(kOwner);
  collect({});
  reopen(kOwner);
  store_->delete_expired(Timestamp{kNow.microseconds + 30 * kDayMicroseconds});
  collect(refs, Timestamp{kNow.microseconds + 30 * kDayMicroseconds});
  expect_readable(refs, 1);
}

TEST_F(QuarantineTest, Segment_withBytesThatNobodyClaimedIsKeptWhenItsLastRecordGoes) {
  reopen(kFirst);
  BlobRef forgotten = store_->put(test_bytes(5'000, 1)).value();
  BlobRef live = store_->put(test_bytes(5'000, 2)).value();
  reopen(kOwner);
  collect({live});
  EXPECT_TRUE(store_->read(forgotten));
  store_->release(live);
  EXPECT_EQ(quarantined(), 1u);
  reopen(kOwner);
  EXPECT_TRUE(store_->read(forgotten)) << "a record that came back finds its bytes";
  EXPECT_EQ(quarantined(), 0u);
}

TEST_F(QuarantineTest, Released_blobsGoAtOnce) {
  reopen(kFirst);
  std::vector<BlobRef> refs = put_some(1);
  reopen(kOwner);
  collect(refs);
  for (const BlobRef& blob : refs) store_->release(blob);
  EXPECT_EQ(quarantined(), 0u);
  for (const BlobRef& blob : refs) EXPECT_FALSE(store_->read(blob));
}

TEST_F(QuarantineTest, Tail_thatIsNotZeroIsNotCut) {
  reopen(kFirst);
  BlobRef first = store_->put(test_bytes(1'000, 1)).value();
  BlobRef last = store_->put(test_bytes(300'000, 2)).value();
  reopen(kOwner);
  collect({first});
  reopen(kOwner);
  EXPECT_TRUE(store_->read(last));
}

}  // namespace
}  // namespace tidemill::blobs
