#include "services/s3/module.h"

#include "blobs/owners.h"
#include "services/iam/interface.h"
#include "services/platform/dispatcher/dispatcher.h"
#include "services/platform/module/platform.h"
#include "services/platform/sweeps/sweeps.h"
#include "services/s3/client.h"
#include "services/s3/cors.h"
#include "services/s3/s3_service.h"
#include "services/s3/tag_source.h"

namespace tidemill::services::s3 {
namespace {

constexpr std::chrono::seconds kLifecycleInterval{5};

class RoleClients final : public S3Roles {
 public:
  RoleClients(platform::Dispatcher& dispatcher, iam::IamInterface& iam)
      : dispatcher_(dispatcher), iam_(iam) {}
  std::unique_ptr<S3Interface> as_role(const RoleSession& session) override {
    return std::make_unique<S3Client>(
        dispatcher_, [&iam = iam_, session]() -> Result<platform::Caller> {
          Principal principal = TRY(iam.role_principal(session.role_arn, session.session_name,
                                                       session.account, session.since));
          return platform::Caller{std::move(principal), session.region};
        });
  }

 private:
  platform::Dispatcher& dispatcher_;
  iam::IamInterface& iam_;
};

class AccountClients final : public S3Accounts {
 public:
  explicit AccountClients(platform::Dispatcher& dispatcher) : dispatcher_(dispatcher) {}
  std::unique_ptr<S3Interface> in_account(std::string_view account, std::string_view region,
                                          std::string_view service) override {
    const std::string owner(account);
    platform::Caller caller{
        {owner, "arn:aws:iam::" + owner + ":root", std::string(service), {}, true},
        std::string(region)};
    return std::make_unique<S3Client>(
        dispatcher_, [caller = std::move(caller)]() -> Result<platform::Caller> { return caller; });
  }

 private:
  platform::Dispatcher& dispatcher_;
};

class S3Module final : public platform::Module {
 public:
  std::string_view name() const override { return "s3"; }
  std::vector<std::string_view> needs() const override { return {"iam"}; }
  std::vector<store::TableSpec> tables() const override { return S3Service::tables(); }
  std::vector<std::string_view> blob_owners() const override { return {blobs::BlobOwners::kS3}; }

  Result<void> open(platform::Platform& platform) override {
    ages_ = &platform.ages;
    blobs::BlobStore* blobs = TRY(platform.blobs.open(blobs::BlobOwners::kS3));
    service_ = std::make_unique<S3Service>(platform.store, *blobs, platform.clock, platform.random);
    service_->publish_to(platform.outbox);
    service_->check_items_with(
        [&items = platform.use<platform::ItemAuthorizer>()](
            const Context& context, std::string_view action, std::string_view resource,
            const Value& input) { return items.authorize_item(context, action, resource, input); });
    roles_ = std::make_unique<RoleClients>(platform.dispatcher, platform.use<iam::IamInterface>());
    platform.provide<S3Roles>(*roles_);
    accounts_ = std::make_unique<AccountClients>(platform.dispatcher);
    platform.provide<S3Accounts>(*accounts_);
    platform.provide<CorsInterface>(service_->cors());
    service_->add_to(platform.handlers);
    platform.add_tag_source("s3", tag_source(platform.store));
    platform.use<iam::IamInterface>().add_resource_policies("s3", service_->policies());
    // Rules act at midnights: most turns only find that there is nothing to do.
    platform.sweeps.add("s3-lifecycle", kLifecycleInterval,
                        [this, &ages = platform.ages]() -> Result<void> {
                          Result<void> swept = service_->run_lifecycle(ages.wall_for_deletions());
                          if (!swept && swept.error().code == codes::kCancelled) return {};
                          return swept;
                        });
    return {};
  }

  // Reads the buckets, which tasks of other services use.
  Result<void> start() override { return service_->start(*ages_); }
  void request_stop() override {
    if (service_) service_->request_stop();
  }

 private:
  const Clock* ages_ = nullptr;
  std::unique_ptr<S3Service> service_;
  std::unique_ptr<RoleClients> roles_;
  std::unique_ptr<AccountClients> accounts_;
};

}  // namespace

std::unique_ptr<platform::Module> make_module() { return std::make_unique<S3Module>(); }

}  // namespace tidemill::services::s3
