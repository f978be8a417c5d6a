#include "services/iam/module.h"

#include "services/iam/iam_service.h"
#include "services/platform/module/platform.h"

namespace tidemill::services::iam {
namespace {

class IamModule final : public platform::Module {
 public:
  std::string_view name() const override { return "iam"; }
  std::vector<store::TableSpec> tables() const override { return IamService::tables(); }

  Result<void> open(platform::Platform& platform) override {
    platform_ = &platform;
    RootKey root = TRY(load_or_create_root_key(platform.data / "root-key.json", platform.random));
    service_ = TRY(IamService::open(
        platform.store, platform.clock, platform.random,
        {.root = std::move(root), .accept_any = platform.settings.text("auth") == "any"}));
    platform.provide<IamInterface>(*service_);
    platform.provide<SessionInterface>(*service_);
    platform.provide<platform::Authorizer>(*service_);
    platform.provide<platform::ItemAuthorizer>(*service_);
    platform.provide<platform::ResourceNames>(*service_);
    platform.provide<CredentialSource>(service_->credentials());
    service_->add_to(platform.handlers);
    return {};
  }

  Result<void> start() override {
    service_->set_tag_sources(platform_->tag_sources());
    return service_->make_execution_role();
  }

 private:
  platform::Platform* platform_ = nullptr;
  std::unique_ptr<IamService> service_;
};

}  // namespace

std::unique_ptr<platform::Module> make_module() { return std::make_unique<IamModule>(); }

}  // namespace tidemill::services::iam
