// Components' tasks on the real engine: what waits for what. Processes are pretended.
#include "services/sagemaker/hosting/inference_component/inference_components.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <condition_variable>
#include <filesystem>
#include <set>

#include "services/s3/test_s3.h"
#include "services/sagemaker/common/tags/tags.h"
#include "services/sagemaker/common/test_fakes.h"
#include "services/sagemaker/common/test_role_s3.h"
#include "services/sagemaker/hosting/inference_component/transitions.h"
#include "store/memory/memory_store.h"

namespace tidemill::services::sagemaker::hosting {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr seconds kPatience{20};

// Jobs that run until they are stopped.
class PretendedCompute final : public compute::Driver {
 public:
  explicit PretendedCompute(std::string volumes) : volumes_(std::move(volumes)) {}
  Result<void> adopt(compute::JobListener&) override { return {}; }
  void stop_watching() override {}
  Result<void> prepare(const compute::JobSpec&) override { return {}; }
  Result<void> start(const std::string& id) override {
    std::lock_guard lock(mutex_);
    running_.insert(id);
    return {};
  }
  Result<void> stop(const std::string& id, seconds) override {
    std::lock_guard lock(mutex_);
    running_.erase(id);
    return {};
  }
  Result<compute::JobStatus> observe(const std::string& id) override {
    std::lock_guard lock(mutex_);
    compute::JobStatus status;
    if (running_.contains(id)) status.state = compute::JobState::running;
    return status;
  }
  Result<compute::LogPart> log(const std::string&, std::uint64_t, std::size_t) override {
    return compute::LogPart();
  }
  Result<compute::LogTail> log_tail(const std::string&, std::size_t) override {
    return compute::LogTail();
  }
  Result<void> remove(const std::string&) override { return {}; }
  compute::Isolation isolation() const override { return {.mount_namespace = true}; }
  compute::Address address(const std::string& id, std::uint16_t) override { return {id, 0, {}}; }
  bool listens(const std::string&, std::uint16_t) override { return true; }
  compute::Volumes& volumes() override { return volumes_; }
  std::string path_in_jobs(const std::string&, const std::string& destination) override {
    return destination;
  }

  std::set<std::string> running() {
    std::lock_guard lock(mutex_);
    return running_;
  }

 private:
  compute::LocalVolumes volumes_;
  std::mutex mutex_;
  std::set<std::string> running_;
};

class NoCapture final : public sagemaker_runtime::CaptureDestinations {
 public:
  std::shared_ptr<const sagemaker_runtime::CaptureRoute> open(
      sagemaker_runtime::CaptureSettings) override {
    return nullptr;
  }
};

// Which fleets' servers do not answer yet, and which have been asked.
class Pings {
 public:
  bool answers(const ServerAddress& address) {
    std::lock_guard lock(mutex_);
    asked_ += address.socket_path + "\n";
    changed_.notify_all();
    return std::ranges::none_of(slow_, [&](const std::string& fleet) {
      return address.socket_path.find("." + fleet + ".") != std::string::npos;
    });
  }
  void make_slow(const std::string& fleet) {
    std::lock_guard lock(mutex_);
    slow_.insert(fleet);
  }
  bool await_start_of(const std::string& fleet) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience,
                             [&] { return asked_.find("." + fleet + ".") != std::string::npos; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string asked_;
  std::set<std::string> slow_;
};

Fleet fleet_of(const std::string& id) {
  Fleet fleet;
  fleet.id = id;
  Variant variant;
  variant.name = "AllTraffic";
  variant.role_arn = "arn:aws:iam::111122223333:role/model";
  variant.startup_seconds = 600;
  fleet.variants.push_back(std::move(variant));
  return fleet;
}

class InferenceComponentsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::vector<store::TableSpec> tables = engine::engine_tables();
    for (auto more : {EndpointService::tables(), InferenceComponents::tables()})
      tables.insert(tables.end(), more.begin(), more.end());
    tables.push_back(resource_tags().spec());
    store_ = store::make_memory_store(tables);
    engine_ = engine::make_engine(*store_, clock_, *random_);
    Settings settings;
    settings.endpoint = "http://127.0.0.1:1";
    const Dependencies dependencies{
        *store_, *engine_, compute_,    s3_in_account(s3_), logs_,   iam_,
        clock_,  *random_, test_held(), s3_as(s3_, iam_),   settings};
    fleets_ = std::make_unique<FleetRunner>(
        dependencies,
        FleetOptions{[this](const ServerAddress& address) { return pings_.answers(address); }});
    hosted_ = std::make_unique<HostedComponents>(*store_, *fleets_);
    endpoint_servers_ = std::make_unique<FleetListener>(dependencies, endpoint_owners(*store_));
    component_servers_ = std::make_unique<FleetListener>(dependencies, component_owners(*store_));
    endpoints_ = std::make_unique<EndpointService>(
        dependencies,
        EndpointParts{routes_, *fleets_, capture_, *hosted_, health_, *endpoint_servers_});
    components_ = std::make_unique<InferenceComponents>(dependencies, *fleets_, *hosted_,
                                                        *endpoints_, *component_servers_);
    components_->add_to(*engine_);
    ASSERT_TRUE(engine_->start());
    add_endpoint();
  }
  static std::string make_directory() {
    char name[] = "/tmp/tidemill_components_XXXXXX";
    return ::mkdtemp(name);
  }
  void TearDown() override {
    fleets_->cancel();
    engine_->stop();
    fs::remove_all(directory_);
  }
  void add_endpoint() {
    Endpoint endpoint;
    endpoint.account = "111122223333";
    endpoint.region = "us-east-1";
    endpoint.name = "host";
    endpoint.arn = "arn";
    endpoint.status = endpoint_status::kInService;
    endpoint.active = fleet_of("host");
    store::Transaction transaction;
    endpoints().put(transaction, endpoint_key(endpoint.account, endpoint.region, endpoint.name),
                    endpoint, 0);
    ASSERT_TRUE(store_->commit(std::move(transaction)));
  }
  static std::string key(const std::string& name) {
    return component_key("111122223333", "us-east-1", name);
  }
  // In a process.
  static ComponentUpdate one_copy(const std::string& fleet) {
    ComponentUpdate update;
    update.fleet = fleet_of(fleet);
    Variant& variant = update.fleet.variants.front();
    variant.containers.resize(1);
    variant.containers[0].engine = engines::kPython;
    variant.resize(1);
    return update;
  }
  // Its fleet has the component's name.
  void create(const std::string& name) {
    InferenceComponent component;
    component.account = "111122223333";
    component.region = "us-east-1";
    component.name = name;
    component.arn = "arn";
    component.endpoint = "host";
    component.variant = "AllTraffic";
    auto step = begin_component(std::move(component), one_copy(name), clock_.now());
    ASSERT_TRUE(engine_->create(kComponentMachine, key(name), to_json(step.next),
                                inference_components().index_keys(step.next),
                                std::move(step.tasks)));
  }
  std::string status(const std::string& name) {
    auto found = inference_components().get(*store_, key(name));
    return found && *found ? (*found)->record.status : "gone";
  }
  bool becomes(const std::string& name, const std::string& status) {
    return engine_->wait_for(kComponentMachine, key(name), kPatience,
                             [&](const std::optional<std::string>& text) {
                               if (!text) return status == "gone";
                               auto now = from_json<InferenceComponent>(*text);
                               return now && now->status == status;
                             });
  }

  const std::string directory_ = make_directory();
  SystemClock clock_;
  std::unique_ptr<Random> random_ = make_system_random();
  PretendedCompute compute_{directory_};
  s3::TestS3 s3_{{"b"}};
  FakeLogs logs_;
  FakeIam iam_;
  NoCapture capture_;
  Pings pings_;
  sagemaker_runtime::RoutingTable routes_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<FleetRunner> fleets_;
  std::unique_ptr<HostedComponents> hosted_;
  std::unique_ptr<FleetListener> endpoint_servers_, component_servers_;
  HealthMonitor health_{HealthOptions{}};  // never started: nobody is asked
  std::unique_ptr<EndpointService> endpoints_;
  std::unique_ptr<InferenceComponents> components_;
};

TEST_F(InferenceComponentsTest, One_that_starts_slowly_holds_no_other_up) {
  pings_.make_slow("slow");
  create("slow");
  ASSERT_TRUE(pings_.await_start_of("slow"));
  create("fast");
  EXPECT_TRUE(becomes("fast", "InService"));
  ASSERT_TRUE(
      engine_->send(kComponentMachine, key("fast"), {component_events::kDeleteRequested, {}}));
  EXPECT_TRUE(becomes("fast", "gone"));
  EXPECT_EQ(status("slow"), "Creating");
}

TEST_F(InferenceComponentsTest, One_that_starts_slowly_can_be_deleted_meanwhile) {
  pings_.make_slow("slow");
  create("slow");
  ASSERT_TRUE(pings_.await_start_of("slow"));
  EXPECT_EQ(compute_.running().size(), 1u);
  ASSERT_TRUE(
      engine_->send(kComponentMachine, key("slow"), {component_events::kDeleteRequested, {}}));
  ASSERT_TRUE(becomes("slow", "gone"));
  engine_->stop();  // waits for what runs
  EXPECT_THAT(compute_.running(), IsEmpty());
  EXPECT_FALSE(fs::exists(directory_ + "/slow"));
  EXPECT_EQ(iam_.grants(), 0u);
}

TEST_F(InferenceComponentsTest, An_update_that_starts_slowly_ends_when_its_time_is_over) {
  create("one");
  ASSERT_TRUE(becomes("one", "InService"));
  pings_.make_slow("two");
  ComponentUpdate update = one_copy("two");
  update.rollout.time_max_seconds = 1;
  ASSERT_TRUE(engine_->send(kComponentMachine, key("one"),
                            {component_events::kUpdateRequested, to_value(update)}));
  EXPECT_TRUE(becomes("one", "InService"));
  auto found = inference_components().get(*store_, key("one"));
  ASSERT_TRUE(found && *found);
  EXPECT_THAT((*found)->record.failure_reason, ::testing::HasSubstr("longer than"));
  EXPECT_EQ((*found)->record.active->id, "one");
}

TEST_F(InferenceComponentsTest, What_a_server_says_and_its_end_reach_its_component) {
  create("one");
  ASSERT_TRUE(becomes("one", "InService"));
  ASSERT_EQ(compute_.running().size(), 1u);
  const std::string job = *compute_.running().begin();
  FleetListener& servers = *component_servers_;
  EXPECT_TRUE(
      servers.job_logged(job, {{clock_.now(), "a line", 7}, {clock_.now(), "another", 15}}));
  compute::JobExit exit;
  exit.exit_code = 3;
  servers.job_exited(job, exit);
  ASSERT_TRUE(engine_->wait_for(
      kComponentMachine, key("one"), kPatience, [](const std::optional<std::string>& text) {
        auto now = from_json<InferenceComponent>(text.value_or("{}"));
        return now && now->active &&
               now->active->variants[0].instances[0].servers[0].attempt == 1 &&
               all_ready(*now->active);
      }));
  EXPECT_THAT(logs_.lines("/aws/sagemaker/InferenceComponents/one:AllTraffic/i-one-0"),
              ElementsAre("a line", "another",
                          "The model server was started again and answers GET /ping."));
  // Jobs of owners that are gone, and what is no server's job, are nobody's.
  EXPECT_TRUE(servers.job_logged("component.1.us-east-1.none.f.0.0.0.0", {{clock_.now(), "x", 1}}));
  EXPECT_TRUE(servers.job_logged("component.1", {{clock_.now(), "x", 1}}));
  EXPECT_FALSE(servers.server_unhealthy({job, "it hangs", std::chrono::seconds(1)}));
}

}  // namespace
}  // namespace tidemill::services::sagemaker::hosting
