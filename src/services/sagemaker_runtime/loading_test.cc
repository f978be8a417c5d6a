// Invocations that wait for a model hold no thread, and each model is loaded once.
#include <gtest/gtest.h>

#include <latch>

#include "base/test_eventually.h"
#include "services/sagemaker_runtime/test_inference.h"

namespace tidemill::services::sagemaker_runtime {
namespace {

constexpr int kAsked = 12;  // more than there are loading threads

// Loads "slow" when the test says so, fails to load "bad", and loads all others at once.
class SlowSource final : public ModelSource {
 public:
  std::shared_ptr<const infer::Model> find(std::string_view) override { return nullptr; }
  Result<std::shared_ptr<const infer::Model>> load(const std::string& target) override {
    if (target != "other") {
      ++loads;
      ready.wait();
    }
    if (target == "bad") return fail("ModelError", "it is broken", 500);
    return std::make_shared<SumModel>();
  }
  Result<std::string> fetch(const std::string& target) override {
    if (target != "other") {
      ++loads;
      ready.wait();
    }
    return "/models/" + target;
  }
  std::latch ready{1};
  std::atomic<int> loads = 0;
};

class LoadingTest : public InferenceTest {
 protected:
  // Invokes this model kAsked times, runs `meanwhile`, and returns the results.
  std::vector<InvokeResult> ask(const std::string& target, std::function<void()> meanwhile) {
    std::vector<std::promise<InvokeResult>> promises(kAsked);
    for (auto& promise : promises) {
      InvokeRequest what = request("1,2");
      what.target_model = target;
      inference_.invoke(InvokeRequest(what),
                        [&](InvokeResult result) { promise.set_value(std::move(result)); });
    }
    meanwhile();
    source_->ready.count_down();
    std::vector<InvokeResult> out;
    for (auto& promise : promises) out.push_back(promise.get_future().get());
    return out;
  }
  void put_native() {
    VariantRoute variant = native("AllTraffic", 1);
    variant.containers[0].native = nullptr;
    variant.containers[0].models = source_;
    variant.containers[0].multi_model = true;
    put({variant});
  }
  // Checks that another model answers while all the others wait.
  void another_model_answers() {
    InvokeRequest other = request("1,2");
    other.target_model = "other";
    std::promise<InvokeResult> promise;
    auto answer = promise.get_future();
    inference_.invoke(InvokeRequest(other),
                      [&](InvokeResult result) { promise.set_value(std::move(result)); });
    const bool came = answer.wait_for(std::chrono::seconds(20)) == std::future_status::ready;
    EXPECT_TRUE(came) << "every thread that loads is held by one that waits";
    if (!came) source_->ready.count_down();  // so that the test does not hang
    EXPECT_TRUE(answer.get());
  }
  std::shared_ptr<SlowSource> source_ = std::make_shared<SlowSource>();
};

TEST_F(LoadingTest, Those_who_wait_for_one_model_hold_one_thread) {
  put_native();
  for (const InvokeResult& each : ask("slow", [&] { another_model_answers(); })) {
    ASSERT_TRUE(each) << each.error().message;
    EXPECT_EQ(each->body, "3.0");
  }
  EXPECT_EQ(source_->loads, 1);
}

TEST_F(LoadingTest, A_load_that_fails_fails_all_who_wait_for_it) {
  put_native();
  for (const InvokeResult& each : ask("bad", [] {})) {
    ASSERT_FALSE(each);
    EXPECT_EQ(each.error().code, "ModelError");
    EXPECT_EQ(each.error().http_status, 424);
  }
  EXPECT_EQ(source_->loads, 1);
}

TEST_F(LoadingTest, A_server_is_told_once_to_load_a_model) {
  std::atomic<int> told = 0;
  std::atomic<bool> other_told = false;
  ModelServer server([&](const std::string& line, const std::string& body) {
    if (line.starts_with("POST /models ")) {
      if (body.find("other") == body.npos)
        ++told;
      else
        other_told = true;
      return ModelServer::answer("");
    }
    const bool loaded = told > 0 || other_told;
    return loaded ? ModelServer::answer("0.5") : ModelServer::answer("", "", "404 Not Found");
  });
  VariantRoute variant = processes({server.port()});
  variant.containers[0].models = source_;
  variant.containers[0].multi_model = true;
  put({variant});
  auto all_have_asked = [&] {
    EXPECT_TRUE(eventually([&] { return server.requests() >= kAsked; }, std::chrono::seconds(20)));
    another_model_answers();
  };
  for (const InvokeResult& each : ask("slow", all_have_asked)) {
    ASSERT_TRUE(each) << each.error().message;
    EXPECT_EQ(each->body, "0.5");
  }
  EXPECT_EQ(source_->loads, 1);
  EXPECT_EQ(told, 1);
}

}  // namespace
}  // namespace tidemill::services::sagemaker_runtime
