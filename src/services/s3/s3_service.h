// The S3 service: its handlers, its tables, and S3 for the other services.
#pragma once

#include <memory>
#include <stop_token>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "blobs/blobs.h"
#include "services/platform/handlers/handlers.h"
#include "services/s3/common/item_check.h"
#include "services/s3/interface.h"
#include "store/store.h"

namespace tidemill::engine {
class Outbox;
}

namespace tidemill::services::iam {
class ResourcePolicySource;
}

namespace tidemill::services::s3 {

class BucketCors;
class BucketPolicies;
class CorsInterface;
struct Core;
class LifecycleSweep;

// The one owner of the blob store: at start it removes blobs that no object or part names, so no
// other service may keep blobs of its own there. What it is given outlives it.
class S3Service final : public S3Interface {
 public:
  S3Service(store::Store& store, blobs::BlobStore& blobs, Clock& clock, Random& random);
  ~S3Service() override;  // calls stop()

  // The check of each key of DeleteObjects, set before requests are served. Without it every caller
  // may delete.
  void check_items_with(ItemCheck check);

  static std::vector<store::TableSpec> tables();
  // The buckets' policies, for IAM; they live as long as this.
  iam::ResourcePolicySource& policies();
  // The answers to browsers (CORS); lives as long as this.
  CorsInterface& cors();
  // Publishes changes of objects (common/object_events.h). Call before start(); borrowed.
  void publish_to(const engine::Outbox& outbox);
  void add_to(Registry& registry);
  // Reads the buckets, then collects garbage on a thread of its own while requests are served.
  // Garbage ages by `ages` (AgeClock), which outlives the service.
  Result<void> start(const Clock& ages);
  // Deletes what the buckets' lifecycle rules say; `now` is the time for deletions. One call at a
  // time.
  Result<void> run_lifecycle(Timestamp now);
  // Ends what run_lifecycle() does, early.
  void request_stop() { stopping_.request_stop(); }
  // Ends the collection early and joins its thread; after request_stop().
  void stop();
  // Waits for the collection that start() began: for tests.
  void wait_for_collection();

  bool bucket_exists(std::string_view account, std::string_view bucket) override;
  Result<void> ensure_bucket(std::string_view account, std::string_view region,
                             std::string_view bucket) override;
  Result<ObjectInfo> head_object(std::string_view account, std::string_view bucket,
                                 std::string_view key) override;
  Result<ObjectBody> get_object(std::string_view account, std::string_view bucket,
                                std::string_view key) override;
  Result<ObjectInfo> get_object_to_file(std::string_view account, std::string_view bucket,
                                        std::string_view key, const std::string& path) override;
  Result<ObjectInfo> put_object(std::string_view account, std::string_view bucket,
                                std::string_view key, ByteSource& bytes,
                                const PutOptions& options) override;
  Result<ObjectInfo> put_object_from_file(std::string_view account, std::string_view bucket,
                                          std::string_view key, const std::string& path,
                                          const PutOptions& options) override;
  Result<ObjectPage> list_objects(std::string_view account, std::string_view bucket,
                                  std::string_view prefix, std::string_view after,
                                  std::size_t limit) override;
  Result<void> delete_object(std::string_view account, std::string_view bucket,
                             std::string_view key) override;

 private:
  class Collector;
  std::unique_ptr<Core> core_;
  std::unique_ptr<Collector> collector_;
  std::unique_ptr<LifecycleSweep> lifecycle_;
  std::unique_ptr<BucketPolicies> policies_;
  std::unique_ptr<BucketCors> cors_;
  std::stop_source stopping_;
};

}  // namespace tidemill::services::s3
