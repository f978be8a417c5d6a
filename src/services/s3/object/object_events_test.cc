// Tests of the events that S3 publishes when objects are created and deleted.
#include <gmock/gmock.h>

#include <mutex>

#include "api/s3/bucket.h"
#include "api/s3/multipart.h"
#include "api/s3/object.h"
#include "base/test_eventually.h"
#include "engine/outbox.h"
#include "services/s3/testing/fixture.h"
#include "store/fault/fault_store.h"

namespace tidemill::services::s3 {
namespace {

namespace model = tidemill::api::s3;
namespace op = model::operations;
using testing::ElementsAre;

class ObjectEventsTest : public S3Test {
 protected:
  ObjectEventsTest() {
    model::CreateBucketRequest request;
    request.bucket = "data";
    EXPECT_OK(call<op::CreateBucket>(request));
  }
  ~ObjectEventsTest() override { outbox_.reset(); }

  void listen(std::set<std::string> sources = {"aws.s3"}) {
    outbox_ = std::make_unique<engine::Outbox>(*store_, clock_, *random_);
    outbox_->add(engine::EventReader{.name = "test",
                                     .sources = std::move(sources),
                                     .take = [this](std::span<const engine::ReadEvent> events,
                                                    store::Transaction&) -> Result<void> {
                                       std::lock_guard lock(mutex_);
                                       for (const engine::ReadEvent& read : events)
                                         events_.push_back(read.event);
                                       return {};
                                     }});
    service_->publish_to(*outbox_);
    ASSERT_TRUE(outbox_->start());
  }
  void put(const std::string& key, const std::string& body) {
    model::PutObjectRequest request;
    request.bucket = "data";
    request.key = key;
    Context in = context(body);
    EXPECT_OK(call<op::PutObject>(in, request));
  }
  void erase(const std::string& key) {
    model::DeleteObjectRequest request;
    request.bucket = "data";
    request.key = key;
    EXPECT_OK(call<op::DeleteObject>(request));
  }
  // "Object Created PutObject key size"
  std::vector<std::string> told() {
    std::lock_guard lock(mutex_);
    std::vector<std::string> lines;
    for (const engine::PublishedEvent& event : events_) {
      const Value& object = *event.detail.find("object");
      const Value* size = object.find("size");
      lines.push_back(event.detail_type + " " + *event.detail.find("reason")->as_string() + " " +
                      *object.find("key")->as_string() +
                      (size ? " " + std::to_string(*size->get_if<std::int64_t>()) : ""));
    }
    return lines;
  }
  bool told(std::size_t count) {
    return eventually([&] { return told().size() >= count; });
  }
  std::size_t rows() { return store_->scan({.table = "engine_outbox"})->rows.size(); }

  std::mutex mutex_;
  std::vector<engine::PublishedEvent> events_;  // guarded by mutex_
  std::unique_ptr<engine::Outbox> outbox_;
};

}  // namespace

TEST_F(ObjectEventsTest, ObjectsThatComeAndGoAreToldInOrder) {
  listen();
  put("a", "12345");
  put("a", "123");
  model::CopyObjectRequest copy;
  copy.bucket = "data";
  copy.key = "b";
  copy.copy_source = "data/a";
  EXPECT_OK(call<op::CopyObject>(copy));
  erase("a");
  erase("never");
  put("c", "");
  ASSERT_TRUE(told(5));
  EXPECT_THAT(told(), ElementsAre("Object Created PutObject a 5", "Object Created PutObject a 3",
                                  "Object Created CopyObject b 3", "Object Deleted DeleteObject a",
                                  "Object Created PutObject c 0"));
  const engine::PublishedEvent& first = events_[0];
  EXPECT_EQ(first.source, "aws.s3");
  EXPECT_EQ(first.subject, "arn:aws:s3:::data");
  EXPECT_EQ(first.account, kAccount);
  EXPECT_EQ(*first.detail.find("bucket")->find("name")->as_string(), "data");
  EXPECT_EQ(*first.detail.find("object")->find("etag")->as_string(),
            "827ccb0eea8a706c4c34a16891f84e7b");
  EXPECT_EQ(*events_[3].detail.find("deletion-type")->as_string(), "Permanently Deleted");
}

TEST_F(ObjectEventsTest, WithoutAReaderNothingIsWritten) {
  listen({"aws.sagemaker"});
  put("a", "1");
  erase("a");
  EXPECT_EQ(rows(), 0u);
}

TEST_F(ObjectEventsTest, WhatDidNotHappenIsNotTold) {
  std::unique_ptr<store::Store> faulty = store::make_fault_store(
      *store_, store::faults_at_commits({{1, store::FaultKind::storage_full}}));
  store_in_use_ = faulty.get();
  restart();
  listen();
  model::PutObjectRequest request;
  request.bucket = "data";
  request.key = "lost";
  Context in = context("1");
  EXPECT_FALSE(call<op::PutObject>(in, request));
  put("kept", "1");
  ASSERT_TRUE(told(1));
  EXPECT_THAT(told(), ElementsAre("Object Created PutObject kept 1"));
  outbox_.reset();
  store_in_use_ = store_.get();
  service_.reset();
}

}  // namespace tidemill::services::s3
