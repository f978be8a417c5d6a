#include "services/kms/module.h"

#include "services/platform/module/platform.h"

namespace tidemill::services::kms {
namespace {

// Has no operations yet: the dispatcher refuses all of them by name.
class KmsModule final : public platform::Module {
 public:
  std::string_view name() const override { return "kms"; }
  Result<void> open(platform::Platform&) override { return {}; }
};

}  // namespace

std::unique_ptr<platform::Module> make_module() { return std::make_unique<KmsModule>(); }

}  // namespace tidemill::services::kms
