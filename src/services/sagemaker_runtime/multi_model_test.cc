// Multi-model containers that are processes: hanging loads, instances that die while loading.
#include <gtest/gtest.h>

#include <latch>
#include <map>
#include <memory>
#include <mutex>

#include "base/test_eventually.h"
#include "services/sagemaker_runtime/routing_entry.h"
#include "services/sagemaker_runtime/test_inference.h"

namespace tidemill::services::sagemaker_runtime {
namespace {

constexpr std::uint16_t kNobody = 1;  // nothing listens on port 1

class FoldersOnly final : public ModelSource {
 public:
  std::shared_ptr<const infer::Model> find(std::string_view) override { return nullptr; }
  Result<std::shared_ptr<const infer::Model>> load(const std::string&) override {
    return fail("ModelError", "not here");
  }
  Result<std::string> fetch(const std::string& target) override { return "/models/" + target; }
};

// A model server that keeps the contract, except for what the test does when a load is asked.
class ManyModels {
 public:
  using Load = std::function<std::string(const std::string& body)>;
  explicit ManyModels(Load load = [](const std::string&) { return ModelServer::answer("{}"); })
      : load_(std::move(load)), server_([this](const std::string& line, const std::string& body) {
          return handle(line, body);
        }) {}
  std::uint16_t port() const { return server_.port(); }
  int count(const std::string& what) {
    std::lock_guard lock(mutex_);
    return counts_[what];
  }

 private:
  std::string handle(const std::string& line, const std::string& body) {
    const std::string method = line.substr(0, line.find(' '));
    const bool invoke = line.find("/invoke ") != line.npos;
    {
      std::lock_guard lock(mutex_);
      ++counts_[invoke ? "invoke" : method];
      if (invoke)
        return loaded_ ? ModelServer::answer("echo " + body)
                       : ModelServer::answer("unknown", "", "404 Not Found");
    }
    if (method != "POST") return ModelServer::answer("{}");
    std::string said = load_(body);
    std::lock_guard lock(mutex_);
    loaded_ = said.starts_with("HTTP/1.1 200");
    return said;
  }

  const Load load_;
  std::mutex mutex_;
  bool loaded_ = false;                // guarded by mutex_
  std::map<std::string, int> counts_;  // guarded by mutex_
  ModelServer server_;
};

class MultiModelTest : public InferenceTest {
 protected:
  void put_models(const std::vector<std::uint16_t>& ports) {
    VariantRoute variant = processes(ports);
    variant.containers[0].multi_model = true;
    variant.containers[0].models = source_;
    put({variant});
  }
  static InvokeRequest of_model(std::string target = "a.tar.gz") {
    InvokeRequest what = request("1,2");
    what.target_model = std::move(target);
    return what;
  }
  InvokeResult ask(Inference& inference, InvokeRequest what) {
    std::promise<InvokeResult> promise;
    inference.invoke(std::move(what),
                     [&promise](InvokeResult result) { promise.set_value(std::move(result)); });
    return promise.get_future().get();
  }
  static std::string dies(const std::string&) { return {}; }

  std::shared_ptr<FoldersOnly> source_ = std::make_shared<FoldersOnly>();
};

TEST_F(MultiModelTest, A_load_that_hangs_ends_at_its_deadline_and_is_given_up) {
  std::latch over{1};
  ManyModels server([&](const std::string&) {
    over.wait();
    return ModelServer::answer("{}");
  });
  put_models({server.port()});
  InferenceLimits limits = kLimits;
  limits.server_load_time = std::chrono::seconds(1);
  Inference impatient(routes_, loops_, clock_, limits);
  const auto began = std::chrono::steady_clock::now();
  auto answer = ask(impatient, of_model());
  const auto took = std::chrono::steady_clock::now() - began;
  over.count_down();
  EXPECT_LT(took, std::chrono::seconds(5));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, "ModelError");
  EXPECT_EQ(answer.error().details["OriginalMessage"],
            "The model a.tar.gz was not loaded within 1 seconds.");
  // The server is told to unload the model, so that the next invocation starts anew.
  EXPECT_EQ(server.count("DELETE"), 1);
  EXPECT_EQ(server.count("POST"), 1);
  EXPECT_EQ(server.count("invoke"), 1);
}

TEST_F(MultiModelTest, Making_room_counts_against_the_same_deadline) {
  ManyModels full([](const std::string&) {
    std::this_thread::sleep_for(std::chrono::milliseconds(400));
    return ModelServer::answer("", "", "507 Insufficient Storage");
  });
  put_models({full.port()});
  InferenceLimits limits = kLimits;
  limits.server_load_time = std::chrono::seconds(1);
  Inference impatient(routes_, loops_, clock_, limits);
  auto answer = ask(impatient, of_model());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, "ModelError");
  EXPECT_LE(full.count("POST"), 3);  // at 0, 0.4 and 0.8 s
}

TEST_F(MultiModelTest, A_server_that_stays_full_is_unavailable) {
  ManyModels full(
      [](const std::string&) { return ModelServer::answer("", "", "507 Insufficient Storage"); });
  put_models({full.port()});
  auto answer = invoke(of_model());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, "ServiceUnavailable");
  EXPECT_EQ(full.count("POST"), 5);
}

TEST_F(MultiModelTest, An_instance_that_dies_before_it_is_told_to_load) {
  // Answers the invocation with 404 and ends, so that the request to load finds no listener.
  std::unique_ptr<ModelServer> mortal;
  mortal = std::make_unique<ModelServer>([&](const std::string&, const std::string&) {
    return ModelServer::answer("", "", "404 Not Found");
  });
  class Kills final : public ModelSource {
   public:
    explicit Kills(std::unique_ptr<ModelServer>& victim) : victim_(victim) {}
    std::shared_ptr<const infer::Model> find(std::string_view) override { return nullptr; }
    Result<std::shared_ptr<const infer::Model>> load(const std::string&) override {
      return fail("ModelError", "not here");
    }
    Result<std::string> fetch(const std::string&) override {
      victim_.reset();
      return std::string("/models/a");
    }

   private:
    std::unique_ptr<ModelServer>& victim_;
  };
  ManyModels other;
  VariantRoute variant = processes({mortal->port(), other.port()});
  variant.containers[0].multi_model = true;
  variant.containers[0].models = std::make_shared<Kills>(mortal);
  put({variant});
  auto answer = invoke(of_model());
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "echo 1,2");
  EXPECT_EQ(inference_.counters().failovers, 1u);
}

TEST_F(MultiModelTest, An_instance_that_dies_while_it_loads) {
  ManyModels dying(dies), other;
  put_models({dying.port(), other.port()});
  auto answer = invoke(of_model());
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "echo 1,2");
  EXPECT_EQ(dying.count("POST"), 1);
  EXPECT_EQ(other.count("POST"), 1);
  EXPECT_EQ(inference_.counters().failovers, 1u);
}

TEST_F(MultiModelTest, A_model_that_kills_who_loads_it_kills_no_third_instance) {
  ManyModels first(dies), second(dies), third(dies);
  put_models({first.port(), second.port(), third.port()});
  auto answer = invoke(of_model());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, "ModelError");
  EXPECT_EQ(first.count("POST") + second.count("POST") + third.count("POST"), 2);
  // The places it held are given back once the loading thread is done with it.
  auto entry = routes_.find("111122223333", "us-east-1", "churn");
  for (const auto& instance : entry->variants[0].instances)
    EXPECT_TRUE(eventually([&] { return instance->in_flight.load() == 0; }));
}

TEST_F(MultiModelTest, An_unreachable_instance_and_one_that_is_told_to_load) {
  ManyModels other;
  put_models({kNobody, other.port()});
  auto answer = invoke(of_model());
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "echo 1,2");
}

TEST_F(MultiModelTest, A_404_of_the_model_itself_is_its_answer) {
  // The server has the model, and the 404 is the model's answer.
  ManyModels has_it([](const std::string&) { return ModelServer::answer("", "", "409 Conflict"); });
  put_models({has_it.port()});
  auto answer = invoke(of_model());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, "ModelError");
  EXPECT_EQ(answer.error().details["OriginalStatusCode"], "404");
  EXPECT_EQ(answer.error().details["OriginalMessage"], "unknown");
  EXPECT_EQ(has_it.count("invoke"), 3);
}

}  // namespace
}  // namespace tidemill::services::sagemaker_runtime
