#include "services/sagemaker/module.h"

#include <optional>

#include "engine/outbox.h"
#include "runtime/task_scope.h"
#include "services/platform/module/platform.h"
#include "services/sagemaker/common/dependencies.h"
#include "services/sagemaker/common/find_programs.h"
#include "services/sagemaker/common/interpreter.h"
#include "services/sagemaker/common/tags/tags.h"
#include "services/sagemaker/hosting_district.h"
#include "services/sagemaker/jobs_district.h"
#include "services/sagemaker/sagemaker_service.h"
#include "services/sagemaker_runtime/interface.h"

namespace tidemill::services::sagemaker {
namespace {

S3InAccount s3_in_account(s3::S3Accounts& accounts) {
  return [&accounts](const std::string& account, const std::string& region) {
    return accounts.in_account(account, region, kServicePrincipal);
  };
}

S3As s3_as(s3::S3Roles& roles) {
  return [&roles](const RoleUse& use) {
    return roles.as_role({use.role_arn, kRoleSessionName, use.account, use.region, use.since});
  };
}

Settings settings_of(const platform::Platform& platform, const Programs& programs) {
  Settings settings;
  settings.programs = programs;
  settings.endpoint = platform.addresses.endpoint;
  settings.isolate_jobs = platform.settings.text("job-network") == "isolated";
  settings.port = platform.addresses.port;
  settings.credentials_url = platform.addresses.credentials_url;
  return settings;
}

class SagemakerModule final : public platform::Module {
 public:
  std::string_view name() const override { return "sagemaker"; }
  std::vector<std::string_view> needs() const override {
    return {"iam", "s3", "logs", "sagemaker_runtime"};
  }
  std::vector<store::TableSpec> tables() const override {
    std::vector<store::TableSpec> all = SagemakerService::tables();
    for (auto more : {hosting::Hosting::tables(), jobs::Jobs::tables()})
      all.insert(all.end(), more.begin(), more.end());
    return all;
  }

  std::vector<std::string_view> volume_owners() const override {
    return {kTrainingVolumes, kFleetVolumes};
  }

  Result<void> open(platform::Platform& platform) override {
    programs_ = TRY(find_programs(platform.settings.text("python"), platform.data / "runtimes"));
    platform.provide<Programs>(programs_);
    dependencies_.emplace(Dependencies{
        platform.store, platform.engine, platform.compute,
        s3_in_account(platform.use<s3::S3Accounts>()), platform.use<logs::LogsInterface>(),
        platform.use<iam::IamInterface>(), platform.clock, platform.random, platform.held,
        s3_as(platform.use<s3::S3Roles>()), settings_of(platform, programs_), &platform.durations});
    service_ = std::make_unique<SagemakerService>(*dependencies_);
    service_->add_to(platform.engine);
    service_->add_to(platform.handlers);
    service_->add_to(platform.jobs);
    hosting_ = std::make_unique<hosting::Hosting>(*dependencies_, platform);
    jobs_ = std::make_unique<jobs::Jobs>(*dependencies_, platform, hosting_->fleets());
    platform.add_tag_source(
        "sagemaker",
        [&store = platform.store](std::string_view arn) -> Result<platform::ResourceTags> {
          auto found = TRY(resource_tags().get(store, std::string(arn)));
          return found ? found->record.tags : platform::ResourceTags();
        });
    return {};
  }

  Result<void> serve() override {
    background_.spawn("interpreter",
                      [this](std::stop_token stop) { log_interpreter(programs_.python, stop); });
    return hosting_->start();
  }

  void request_stop() override {
    if (hosting_) hosting_->stop();
    background_.stop();
  }

 private:
  Programs programs_;
  std::optional<Dependencies> dependencies_;
  std::unique_ptr<SagemakerService> service_;
  std::unique_ptr<hosting::Hosting> hosting_;
  std::unique_ptr<jobs::Jobs> jobs_;
  runtime::TaskScope background_;
};

}  // namespace

std::unique_ptr<platform::Module> make_module() { return std::make_unique<SagemakerModule>(); }

}  // namespace tidemill::services::sagemaker
