#include "services/kms/module.h"

#include "base/age_clock.h"
#include "services/iam/interface.h"
#include "services/kms/kms_service.h"
#include "services/platform/module/platform.h"
#include "services/platform/sweeps/sweeps.h"

namespace tidemill::services::kms {
namespace {

constexpr std::chrono::seconds kSweepInterval{30};
constexpr const char* kRootKeyFile = "root-encryption-key.json";

class KmsModule final : public platform::Module {
 public:
  std::string_view name() const override { return "kms"; }
  std::vector<std::string_view> needs() const override { return {"iam"}; }
  std::vector<store::TableSpec> tables() const override { return KmsService::tables(); }

  Result<void> open(platform::Platform& platform) override {
    iam::IamInterface& iam = platform.use<iam::IamInterface>();
    RootKeyFile root =
        TRY(RootKeyFile::open(platform.data / kRootKeyFile, platform.store, platform.random));
    service_ = std::make_unique<KmsService>(std::move(root), platform.store, platform.clock,
                                            platform.random, iam);
    platform.provide<RootKey>(service_->root());
    service_->add_to(platform.handlers);
    iam.add_resource_policies("kms", service_->access());
    iam.add_operation_actions("kms", service_->access());
    platform.add_tag_source("kms", service_->tag_source());
    platform.sweeps.add("kms-keys", kSweepInterval, [this, &ages = platform.ages] {
      return service_->sweep(ages.wall_for_deletions());
    });
    return {};
  }

 private:
  std::unique_ptr<KmsService> service_;
};

}  // namespace

std::unique_ptr<platform::Module> make_module() { return std::make_unique<KmsModule>(); }

}  // namespace tidemill::services::kms
