#include "services/sagemaker_runtime/module.h"

#include "services/platform/module/platform.h"
#include "services/sagemaker_runtime/capture/recorder.h"
#include "services/sagemaker_runtime/handlers.h"
#include "services/sagemaker_runtime/inference.h"

namespace tidemill::services::sagemaker_runtime {
namespace {

class RuntimeModule final : public platform::Module {
 public:
  std::string_view name() const override { return "sagemaker_runtime"; }
  // cloudtrail: it records the last uploads of captured data, when this module is destroyed.
  std::vector<std::string_view> needs() const override { return {"s3", "cloudtrail"}; }

  Result<void> open(platform::Platform& platform) override {
    RecorderOptions options;
    options.directory = (platform.data / "capture").string();
    options.durable = platform.settings.text("capture") == "durable";
    recorder_ = std::make_unique<Recorder>(platform.use<s3::S3Roles>(), platform.random,
                                           std::move(options));
    const bool strict = platform.settings.text("strict-aws") == "on";
    inference_ = std::make_unique<Inference>(routes_, platform.loops, platform.clock,
                                             strict ? InferenceLimits::aws() : InferenceLimits(),
                                             recorder_.get());
    add_invocations(platform.handlers, *inference_);
    inference_->counters().add_to(platform.metrics);
    recorder_->add_to(platform.metrics);
    platform.provide<RoutingTable>(routes_);
    platform.provide<CaptureDestinations>(*recorder_);
    platform.provide<InferenceInterface>(*inference_);
    return {};
  }

  Result<void> start() override { return recorder_->start(); }

  // Current invocations fail while loops can still carry the answers. The recorder stops when the
  // module is destroyed, since loops that end may still hand over captured exchanges.
  void stop() override { inference_.reset(); }

 private:
  RoutingTable routes_;
  std::unique_ptr<Recorder> recorder_;
  std::unique_ptr<Inference> inference_;
};

}  // namespace

std::unique_ptr<platform::Module> make_module() { return std::make_unique<RuntimeModule>(); }

}  // namespace tidemill::services::sagemaker_runtime
