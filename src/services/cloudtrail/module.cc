#include "services/cloudtrail/module.h"

#include "services/cloudtrail/cloudtrail_service.h"
#include "services/cloudtrail/delivery/delivery.h"
#include "services/platform/audit/resource_names.h"
#include "services/platform/dispatcher/dispatcher.h"
#include "services/platform/metrics/metrics.h"
#include "services/platform/module/platform.h"
#include "services/platform/sweeps/sweeps.h"
#include "services/s3/interface.h"

namespace tidemill::services::cloudtrail {
namespace {

constexpr std::chrono::hours kRetentionInterval{1};
constexpr std::size_t kDeletedAtOnceMax = 10'000;

class CloudTrailModule final : public platform::Module {
 public:
  std::string_view name() const override { return "cloudtrail"; }
  std::vector<std::string_view> needs() const override { return {"iam", "s3"}; }
  std::vector<store::TableSpec> tables() const override { return CloudTrailService::tables(); }

  Result<void> open(platform::Platform& platform) override {
    platform::ResourceNames& names = platform.use<platform::ResourceNames>();
    s3::S3Accounts& accounts = platform.use<s3::S3Accounts>();
    service_ = std::make_unique<CloudTrailService>(Dependencies{
        platform.store, platform.clock, platform.random, platform.settings.text("region"),
        [&names](const platform::Call& call) {
          return names.resources_of(call.context, call.service, call.operation, call.input);
        },
        [&names](const Principal& principal) { return names.session_of(principal); },
        [&accounts, region = platform.settings.text("region")](std::string_view account,
                                                               std::string_view bucket) {
          return accounts.in_account(account, region, kDeliveryPrincipal)
              ->bucket_exists(account, bucket);
        },
        [&names] { return names.own_account(); },
        &platform.metrics.counter(
            {.name = "tidemill_audit_left_out_total",
             .help = "Refused calls without credentials that the audit log left out."})});
    platform.provide<platform::Auditor>(*service_);
    service_->add_to(platform.handlers);
    add_delivery(platform);
    const std::chrono::hours kept(24 * platform.settings.number("audit-days"));
    platform.sweeps.add("cloudtrail-retention", kRetentionInterval,
                        [this, kept, &ages = platform.ages]() -> Result<void> {
                          // All that is due: a busy log grows by more than one batch between
                          // sweeps.
                          const Timestamp before = ages.wall_for_deletions() + -kept;
                          std::size_t deleted = kDeletedAtOnceMax;
                          while (deleted == kDeletedAtOnceMax)
                            deleted = TRY(service_->log().delete_before(before, kDeletedAtOnceMax));
                          return {};
                        });
    return {};
  }

  Result<void> start() override { return service_->start(); }
  void stop() override {
    if (service_) service_->stop();
  }

 private:
  void add_delivery(platform::Platform& platform) {
    auto s3_of = [&accounts = platform.use<s3::S3Accounts>()](const std::string& account,
                                                              const std::string& region) {
      return accounts.in_account(account, region, kDeliveryPrincipal);
    };
    delivery_ = std::make_unique<TrailDelivery>(
        DeliveryParts{platform.store, platform.clock, platform.random, *service_, s3_of,
                      std::chrono::seconds(platform.settings.number("trail-digest-seconds"))});
    platform.sweeps.add("cloudtrail-delivery",
                        std::chrono::seconds(platform.settings.number("trail-delivery-seconds")),
                        [this] { return delivery_->deliver(); });
  }

  std::unique_ptr<CloudTrailService> service_;
  std::unique_ptr<TrailDelivery> delivery_;
};

}  // namespace

std::unique_ptr<platform::Module> make_module() { return std::make_unique<CloudTrailModule>(); }

}  // namespace tidemill::services::cloudtrail
