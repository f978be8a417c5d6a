#include "services/platform/module/module.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/platform/module/modules.h"
#include "services/platform/module/platform.h"
#include "store/store.h"

namespace tidemill::services::platform {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Steps = std::vector<std::string>;

struct Greeting {
  virtual ~Greeting() = default;
  virtual std::string text() const = 0;
};

// Records the calls that it gets.
class Recorded : public Module {
 public:
  Recorded(Steps& steps, std::string_view name, std::vector<std::string_view> needs,
           std::string fails_at = "")
      : steps_(steps), name_(name), needs_(std::move(needs)), fails_at_(std::move(fails_at)) {}
  ~Recorded() override { (void)step("destroy"); }
  std::string_view name() const override { return name_; }
  std::vector<std::string_view> needs() const override { return needs_; }
  std::vector<store::TableSpec> tables() const override {
    return {{.name = std::string(name_) + "_table"}};
  }
  std::vector<std::string_view> blob_owners() const override { return {name_}; }
  std::vector<std::string_view> volume_owners() const override { return {name_}; }
  Result<void> open(Platform&) override { return step("open"); }
  Result<void> start() override { return step("start"); }
  Result<void> serve() override { return step("serve"); }
  void request_stop() override { (void)step("request_stop"); }
  void stop() override { (void)step("stop"); }

 private:
  Result<void> step(const std::string& what) {
    steps_.push_back(what + " " + std::string(name_));
    return what == fails_at_ ? fail(codes::kIo, "the disk is full") : Result<void>();
  }

  Steps& steps_;
  const std::string_view name_;
  const std::vector<std::string_view> needs_;
  const std::string fails_at_;
};

// A platform whose parts are never used: its references point to memory that nobody reads.
class BarePlatform {
 public:
  template <class T>
  T& unused() {
    return *reinterpret_cast<T*>(memory_);
  }
  struct NoSettings final : SettingValues {
    const std::string& text(std::string_view) const override { return none; }
    std::int64_t number(std::string_view) const override { return 0; }
    std::string none;
  } settings_;
  SystemClock clock_;
  std::unique_ptr<Random> random_ = make_seeded_random(1);
  alignas(64) char memory_[64] = {};
  Platform platform_{{.settings = settings_,
                      .clock = clock_,
                      .durations = clock_,
                      .ages = unused<AgeClock>(),
                      .random = *random_,
                      .store = unused<store::Store>(),
                      .blobs = unused<blobs::BlobOwners>(),
                      .compute = unused<compute::Compute>(),
                      .loops = unused<runtime::EventLoops>(),
                      .engine = unused<engine::Engine>(),
                      .outbox = unused<engine::Outbox>(),
                      .handlers = unused<Registry>(),
                      .metrics = unused<MetricRegistry>(),
                      .jobs = unused<compute::JobListeners>(),
                      .schedules = unused<Schedules>(),
                      .deliveries = unused<Deliveries>(),
                      .sweeps = unused<Sweeps>(),
                      .held = unused<HeldAnswers>(),
                      .dispatcher = unused<Dispatcher>()}};
};

class ModulesTest : public ::testing::Test {
 protected:
  void add(std::string_view name, std::vector<std::string_view> needs, std::string fails_at = "") {
    list_.push_back(std::make_unique<Recorded>(steps_, name, std::move(needs), fails_at));
  }
  Result<Modules> in_order() { return Modules::in_order(std::move(list_)); }

  Steps steps_;
  std::vector<std::unique_ptr<Module>> list_;
  BarePlatform bare_;
};

TEST_F(ModulesTest, They_open_in_the_order_of_their_needs_and_stop_in_the_reverse_order) {
  add("pipelines", {"training", "storage"});
  add("training", {"storage", "roles"});
  add("storage", {"roles"});
  add("roles", {});
  {
    Result<Modules> modules = in_order();
    ASSERT_TRUE(modules) << modules.error().message;
    EXPECT_THAT(modules->names(), ElementsAre("roles", "storage", "training", "pipelines"));
    EXPECT_EQ(modules->tables().size(), 4u);
    EXPECT_EQ(modules->tables()[0].name, "roles_table");
    EXPECT_THAT(modules->blob_owners(), ElementsAre("roles", "storage", "training", "pipelines"));
    EXPECT_THAT(modules->volume_owners(), ElementsAre("roles", "storage", "training", "pipelines"));
    ASSERT_TRUE(modules->open(bare_.platform_));
    ASSERT_TRUE(modules->start());
    ASSERT_TRUE(modules->serve());
    EXPECT_THAT(steps_,
                ElementsAre("open roles", "open storage", "open training", "open pipelines",
                            "start roles", "start storage", "start training", "start pipelines",
                            "serve roles", "serve storage", "serve training", "serve pipelines"));
    steps_.clear();
    modules->request_stop();
    modules->stop();
    modules->stop();
  }
  EXPECT_THAT(steps_,
              ElementsAre("request_stop pipelines", "request_stop training", "request_stop storage",
                          "request_stop roles", "stop pipelines", "stop training", "stop storage",
                          "stop roles", "destroy pipelines", "destroy training", "destroy storage",
                          "destroy roles"));
}

TEST_F(ModulesTest, A_circle_of_needs_is_refused_with_the_names_in_it) {
  add("a", {"b"});
  add("b", {"c"});
  add("c", {"b", "d"});
  add("d", {});
  Result<Modules> modules = in_order();
  ASSERT_FALSE(modules);
  EXPECT_THAT(modules.error().message, HasSubstr("in a cycle"));
  EXPECT_THAT(modules.error().message,
              ::testing::AnyOf(HasSubstr("b -> c -> b"), HasSubstr("c -> b -> c")));
  EXPECT_THAT(modules.error().message, ::testing::Not(HasSubstr("-> d")));
}

TEST_F(ModulesTest, A_module_that_needs_itself_is_a_circle) {
  add("a", {"a"});
  EXPECT_THAT(in_order().error().message, HasSubstr("a -> a"));
}

TEST_F(ModulesTest, A_missing_need_and_a_repeated_name_are_refused_by_name) {
  add("queue", {"rolls"});
  EXPECT_EQ(in_order().error().message,
            "the module 'queue' needs 'rolls', and there is no such module");
  list_.clear();
  add("queue", {});
  add("queue", {});
  EXPECT_EQ(in_order().error().message, "two modules have the name 'queue'");
}

TEST_F(ModulesTest, A_failure_names_the_module_and_later_ones_are_neither_opened_nor_stopped) {
  add("first", {});
  add("second", {"first"}, "open");
  add("third", {"second"});
  {
    Result<Modules> modules = in_order();
    ASSERT_TRUE(modules);
    Result<void> opened = modules->open(bare_.platform_);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().message, "second: the disk is full");
  }
  EXPECT_THAT(steps_, ElementsAre("open first", "open second", "request_stop second",
                                  "request_stop first", "stop second", "stop first",
                                  "destroy third", "destroy second", "destroy first"));
}

struct Hello final : Greeting {
  std::string text() const override { return "hello"; }
};

class Provider final : public Recorded {
 public:
  explicit Provider(Steps& steps) : Recorded(steps, "provider", {}) {}
  Result<void> open(Platform& platform) override {
    platform.provide<Greeting>(hello_);
    return {};
  }
  Hello hello_;
};

class User final : public Recorded {
 public:
  User(Steps& steps, std::vector<std::string_view> needs)
      : Recorded(steps, "user", std::move(needs)) {}
  Result<void> open(Platform& platform) override {
    said_ = platform.use<Greeting>().text();
    return {};
  }
  std::string said_;
};

TEST_F(ModulesTest, Interfaces_come_from_modules_that_are_needed) {
  auto user = std::make_unique<User>(steps_, std::vector<std::string_view>{"provider"});
  const User* looked_at = user.get();
  list_.push_back(std::move(user));
  list_.push_back(std::make_unique<Provider>(steps_));
  Result<Modules> modules = in_order();
  ASSERT_TRUE(modules);
  ASSERT_TRUE(modules->open(bare_.platform_));
  EXPECT_EQ(looked_at->said_, "hello");
  EXPECT_EQ(bare_.platform_.use<Greeting>().text(), "hello");  // the server may use it, too
}

TEST_F(ModulesTest, An_interface_of_a_module_that_is_not_named_as_needed_aborts) {
  list_.push_back(std::make_unique<Provider>(steps_));
  list_.push_back(std::make_unique<User>(steps_, std::vector<std::string_view>()));
  Result<Modules> modules = in_order();
  ASSERT_TRUE(modules);
  EXPECT_DEATH((void)modules->open(bare_.platform_), "does not name in needs.*Greeting");
}

TEST_F(ModulesTest, Interfaces_are_offered_once_and_are_not_invented) {
  Hello hello;
  EXPECT_DEATH((void)bare_.platform_.use<Greeting>(), "no module .*Greeting");
  bare_.platform_.provide<Greeting>(hello);
  EXPECT_DEATH(bare_.platform_.provide<Greeting>(hello), "same interface");
  bare_.platform_.add_tag_source("s3", {});
  EXPECT_DEATH(bare_.platform_.add_tag_source("s3", {}), "two sources of tags");
}

}  // namespace
}  // namespace tidemill::services::platform
