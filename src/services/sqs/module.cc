#include "services/sqs/module.h"

#include "services/platform/module/platform.h"

namespace tidemill::services::sqs {
namespace {

// It has no operations yet: the dispatcher refuses all of them by name.
class SqsModule final : public platform::Module {
 public:
  std::string_view name() const override { return "sqs"; }
  Result<void> open(platform::Platform&) override { return {}; }
};

}  // namespace

std::unique_ptr<platform::Module> make_module() { return std::make_unique<SqsModule>(); }

}  // namespace tidemill::services::sqs
