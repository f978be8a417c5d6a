#include "services/s3/s3_service.h"

#include <thread>

#include "base/log.h"
#include "services/s3/bucket/bucket.h"
#include "services/s3/bucket/cors.h"
#include "services/s3/bucket/policy.h"
#include "services/s3/collector.h"
#include "services/s3/common/core.h"
#include "services/s3/lifecycle/lifecycle.h"
#include "services/s3/listing/listing.h"
#include "services/s3/multipart/multipart.h"
#include "services/s3/object/object.h"

namespace tidemill::services::s3 {

class S3Service::Collector {
 public:
  Collector(Core& core, const Clock& ages)
      : thread_([&core, &ages](const std::stop_token& stop) {
          Result<void> collected = collect_garbage(core, ages, stop);
          if (!collected && collected.error().code != codes::kCancelled)
            log::warning("blobs without a record remain", {{"code", collected.error().code},
                                                           {"message", collected.error().message}});
        }) {}
  void wait() {
    if (thread_.joinable()) thread_.join();
  }

 private:
  std::jthread thread_;
};

S3Service::S3Service(store::Store& store, blobs::BlobStore& blobs, Clock& clock, Random& random)
    : core_(std::make_unique<Core>(store, blobs, clock, random)),
      lifecycle_(std::make_unique<LifecycleSweep>(*core_)),
      policies_(std::make_unique<BucketPolicies>(*core_)),
      cors_(std::make_unique<BucketCors>(*core_)) {}

CorsInterface& S3Service::cors() { return *cors_; }

iam::ResourcePolicySource& S3Service::policies() { return *policies_; }

S3Service::~S3Service() { stop(); }

void S3Service::check_items_with(ItemCheck check) { core_->item_check = std::move(check); }

std::vector<store::TableSpec> S3Service::tables() {
  return {bucket_table().spec(), object_table().spec(), version_table().spec(),
          upload_table().spec(), part_table().spec()};
}

void S3Service::publish_to(const engine::Outbox& outbox) { core_->objects.publish_to(outbox); }

void S3Service::add_to(Registry& registry) {
  add_bucket_operations(registry, *core_);
  add_object_operations(registry, *core_);
  add_listing_operations(registry, *core_);
  add_multipart_operations(registry, *core_);
  add_lifecycle_operations(registry, *core_);
}

Result<void> S3Service::start(const Clock& ages) {
  TRY(core_->buckets.load());
  collector_ = std::make_unique<Collector>(*core_, ages);
  return {};
}

Result<void> S3Service::run_lifecycle(Timestamp now) {
  return lifecycle_->run(now, stopping_.get_token());
}

void S3Service::stop() {
  request_stop();
  collector_.reset();
}

void S3Service::wait_for_collection() {
  if (collector_) collector_->wait();
}

}  // namespace tidemill::services::s3
