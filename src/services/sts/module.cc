#include "services/sts/module.h"

#include <optional>

#include "services/platform/module/platform.h"
#include "services/sts/sts_service.h"

namespace tidemill::services::sts {
namespace {

class StsModule final : public platform::Module {
 public:
  std::string_view name() const override { return "sts"; }
  std::vector<std::string_view> needs() const override { return {"iam"}; }

  Result<void> open(platform::Platform& platform) override {
    service_.emplace(platform.use<iam::SessionInterface>());
    service_->add_to(platform.handlers);
    return {};
  }

 private:
  std::optional<StsService> service_;
};

}  // namespace

std::unique_ptr<platform::Module> make_module() { return std::make_unique<StsModule>(); }

}  // namespace tidemill::services::sts
