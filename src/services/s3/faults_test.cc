// S3 over a store that fails: what was acknowledged stays, what failed did not happen or happened
// whole, and no bytes are lost or leaked.
#include <map>
#include <set>

#include "api/s3/bucket.h"
#include "api/s3/multipart.h"
#include "api/s3/object.h"
#include "services/s3/testing/fixture.h"
#include "store/fault/fault_store.h"

namespace tidemill::services::s3 {
namespace {

namespace model = tidemill::api::s3;
namespace op = model::operations;

class FaultsTest : public S3Test {
 protected:
  FaultsTest() {
    model::CreateBucketRequest request;
    request.bucket = "data";
    EXPECT_OK(call<op::CreateBucket>(request));
  }
  ~FaultsTest() override { use(store_.get()); }

  void use(store::Store* store) {
    store_in_use_ = store;
    restart();
  }
  void fail_commits(std::map<std::uint64_t, store::FaultKind> kinds) {
    faulty_ = store::make_fault_store(*store_, store::faults_at_commits(std::move(kinds)));
    use(faulty_.get());
  }
  Result<void> put(const std::string& key, const std::string& body) {
    model::PutObjectRequest request;
    request.bucket = "data";
    request.key = key;
    Context in = context(body);
    TRY(call<op::PutObject>(in, request));
    return {};
  }
  std::string get(const std::string& key) {
    model::GetObjectRequest request;
    request.bucket = "data";
    request.key = key;
    Context in = context();
    auto output = call<op::GetObject>(in, request);
    return output ? drain(in) : output.error().code;
  }
  Result<void> erase(const std::string& key) {
    model::DeleteObjectRequest request;
    request.bucket = "data";
    request.key = key;
    TRY(call<op::DeleteObject>(request));
    return {};
  }

  std::unique_ptr<store::Store> faulty_;
};

TEST_F(FaultsTest, PutObject_thatCannotCommitLeavesTheOldObjectAndNoBytes) {
  ASSERT_TRUE(put("k", std::string(2000, 'a')));
  std::uint64_t before = blobs_->statistics().segment_live_bytes;
  fail_commits({{1, store::FaultKind::fail_before},
                {2, store::FaultKind::storage_full},
                {3, store::FaultKind::fail_after}});
  EXPECT_EQ(put("k", "b").error().code, "InternalError");
  EXPECT_EQ(get("k"), std::string(2000, 'a'));
  auto full = put("k", "b");
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, "InsufficientStorage");
  EXPECT_EQ(full.error().http_status, 507);
  EXPECT_EQ(get("k"), std::string(2000, 'a'));
  // Written, but the answer got lost: the new object is there, with its bytes.
  EXPECT_FALSE(put("k", "b"));
  EXPECT_EQ(get("k"), "b");
  ASSERT_TRUE(put("k", std::string(2000, 'a')));
  use(store_.get());
  EXPECT_EQ(get("k"), std::string(2000, 'a'));
  EXPECT_EQ(blobs_->statistics().segment_live_bytes, before);
}

TEST_F(FaultsTest, DeleteObject_thatCannotCommitKeepsTheObject) {
  ASSERT_TRUE(put("k", "a"));
  fail_commits({{1, store::FaultKind::fail_before}, {2, store::FaultKind::fail_after}});
  EXPECT_FALSE(erase("k"));
  EXPECT_EQ(get("k"), "a");
  EXPECT_FALSE(erase("k"));
  EXPECT_EQ(get("k"), "NoSuchKey");
}

TEST_F(FaultsTest, CompleteMultipartUpload_isRepeatedAfterALostAnswer) {
  model::CreateMultipartUploadRequest create;
  create.bucket = "data";
  create.key = "k";
  std::string id = *call<op::CreateMultipartUpload>(create)->upload_id;
  model::UploadPartRequest part;
  part.bucket = "data";
  part.key = "k";
  part.upload_id = id;
  part.part_number = 1;
  Context in = context("bytes");
  auto uploaded = call<op::UploadPart>(in, part);
  ASSERT_TRUE(uploaded);
  for (store::FaultKind kind : {store::FaultKind::fail_before, store::FaultKind::storage_full,
                                store::FaultKind::fail_after}) {
    fail_commits({{1, kind}});
    model::CompleteMultipartUploadRequest complete;
    complete.bucket = "data";
    complete.key = "k";
    complete.upload_id = id;
    auto& named = complete.multipart_upload.ensure().parts.emplace().emplace_back();
    named.part_number = 1;
    named.etag = uploaded->etag;
    EXPECT_FALSE(call<op::CompleteMultipartUpload>(complete));
    if (kind == store::FaultKind::fail_after) {
      EXPECT_OK(call<op::CompleteMultipartUpload>(complete));
    }
  }
  EXPECT_EQ(get("k"), "bytes");
  use(store_.get());
  EXPECT_EQ(get("k"), "bytes");
}

TEST_F(FaultsTest, Objects_throughRandomFaultsAreAlwaysOneOfThePossibleValues) {
  constexpr std::uint64_t kSeed = 20261123;
  constexpr int kKeys = 5;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  std::unique_ptr<Random> choices = make_seeded_random(kSeed);
  std::unique_ptr<Random> fault_random = make_seeded_random(kSeed + 1);
  faulty_ = store::make_fault_store(
      *store_, store::random_faults(*fault_random,
                                    {.fail_before = 0.1, .fail_after = 0.1, .storage_full = 0.1}));
  // The values that each key may have: one after an acknowledged change, more after failed ones.
  std::map<std::string, std::set<std::string>> possible;
  for (int i = 0; i < kKeys; ++i) possible["k" + std::to_string(i)] = {"NoSuchKey"};
  use(faulty_.get());
  for (int step = 0; step < 600; ++step) {
    std::string key = "k" + std::to_string(choices->next() % kKeys);
    if (choices->next() % 4 == 0) {
      bool done = erase(key).has_value();
      if (done)
        possible[key] = {"NoSuchKey"};
      else
        possible[key].insert("NoSuchKey");
    } else {
      std::string body = "body " + std::to_string(step) + std::string(choices->next() % 3000, '.');
      bool done = put(key, body).has_value();
      if (done)
        possible[key] = {body};
      else
        possible[key].insert(body);
    }
    std::string now = get(key);
    ASSERT_TRUE(possible[key].contains(now)) << "step " << step << ": " << now.substr(0, 40);
    // A read settles it.
    possible[key] = {now};
  }
  use(store_.get());
  std::uint64_t live_bytes = 0;
  for (const auto& [key, values] : possible) {
    std::string now = get(key);
    EXPECT_TRUE(values.contains(now)) << key;
    if (now != "NoSuchKey") live_bytes += (now.size() + 16 + 63) / 64 * 64;
  }
  EXPECT_EQ(blobs_->statistics().segment_live_bytes, live_bytes);
}

TEST_F(FaultsTest, Collector_emptiesSegmentsThatAreMostlyDead) {
  // Nearly all of the first run's segment dies, one object stays.
  ASSERT_TRUE(put("stays", std::string(1000, 's')));
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(put("k" + std::to_string(i), std::string(50'000, 'x')));
  ASSERT_TRUE(put("last", std::string(1000, 'l')));
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(erase("k" + std::to_string(i)));
  restart();
  EXPECT_EQ(get("stays"), std::string(1000, 's'));
  EXPECT_EQ(get("last"), std::string(1000, 'l'));
  EXPECT_EQ(blobs_->statistics().segments, 1u);
  EXPECT_LT(blobs_->statistics().segment_bytes, 10'000u);
}

}  // namespace
}  // namespace tidemill::services::s3
