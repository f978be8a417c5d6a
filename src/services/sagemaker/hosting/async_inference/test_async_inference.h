// Asynchronous inference with S3, endpoints and models that tests decide.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/test_eventually.h"
#include "services/s3/test_s3.h"
#include "services/sagemaker/common/test_fakes.h"
#include "services/sagemaker/common/test_role_s3.h"
#include "services/sagemaker/hosting/async_inference/async_inference.h"
#include "services/sagemaker/hosting/async_inference/rules.h"
#include "store/memory/memory_store.h"

namespace tidemill::services::sagemaker::hosting {

using AsyncInput = api::sagemaker_runtime::InvokeEndpointAsyncInput;
using AsyncDone = std::move_only_function<void(Result<AsyncAnswer>)>;

class AsyncInferenceTest : public testing::Test {
 protected:
  AsyncInferenceTest() {
    std::vector<store::TableSpec> tables = engine::engine_tables();
    for (store::TableSpec& each : AsyncInference::tables()) tables.push_back(std::move(each));
    store_ = store::make_memory_store(std::move(tables));
    options_.look_interval = std::chrono::milliseconds(5);
    target_.kind = AsyncTarget::Kind::asynchronous;
    target_.instances = 1;
    target_.concurrent_invocations_per_instance = 2;
    target_.role_arn = "arn:aws:iam::123456789012:role/model";
    target_.output_path = "s3://b/out";
    target_.failure_path = "s3://b/failed/";
    // The model's answer unless a test takes the call itself.
    model_ = [](const AsyncCall& call) -> Result<AsyncAnswer> {
      return AsyncAnswer{"answer to " + call.body, "text/plain"};
    };
  }
  ~AsyncInferenceTest() override { stop(); }

  void start() {
    engine_ = engine::make_engine(*store_, clock_, *random_,
                                  {.poll_interval = std::chrono::milliseconds(5)});
    AsyncPorts ports;
    ports.look_up = [this](auto, auto, std::string_view endpoint) -> Result<AsyncTarget> {
      std::lock_guard lock(mutex_);
      if (endpoint != "slow") return AsyncTarget{};
      return target_;
    };
    ports.invoke = [this](AsyncCall call, AsyncDone done) {
      asked(std::move(call), std::move(done));
    };
    ports.s3_as = [this](const RoleUse& use) {
      EXPECT_EQ(use.role_arn, "arn:aws:iam::123456789012:role/model");
      return std::make_unique<RoleS3>(s3_, iam_, use);
    };
    async_ = std::make_unique<AsyncInference>(*store_, *engine_, clock_, *random_, ports, options_);
    async_->add_to(*engine_);
    registry_ = std::make_unique<Registry>();
    async_->add_to(*registry_);
    ASSERT_TRUE(engine_->start());
    ASSERT_TRUE(async_->start());
  }
  void stop() {
    if (async_) async_->stop();
    if (engine_) engine_->stop();
    std::vector<Held> held;
    {
      std::lock_guard lock(mutex_);
      held.swap(held_);
    }
    for (Held& each : held) each.done(fail(codes::kCancelled, "the server stops"));
    async_.reset();
    engine_.reset();
  }

  struct Held {
    AsyncCall call;
    AsyncDone done;
  };
  void asked(AsyncCall call, AsyncDone done) {
    std::unique_lock lock(mutex_);
    bodies_.push_back(call.body);
    if (hold_) {
      held_.push_back({std::move(call), std::move(done)});
      return;
    }
    Result<AsyncAnswer> answer = model_(call);
    last_call_ = std::move(call);
    lock.unlock();
    done(std::move(answer));
  }
  std::size_t held() {
    std::lock_guard lock(mutex_);
    return held_.size();
  }
  void answer_one() {
    std::unique_lock lock(mutex_);
    ASSERT_FALSE(held_.empty());
    Held first = std::move(held_.front());
    held_.erase(held_.begin());
    lock.unlock();
    first.done(AsyncAnswer{"late answer to " + first.call.body, "text/csv"});
  }
  std::vector<std::string> bodies() {
    std::lock_guard lock(mutex_);
    return bodies_;
  }

  void put(const std::string& key, const std::string& body) {
    StringSource bytes(body);
    ASSERT_TRUE(s3_.put_object("123456789012", "b", key, bytes, {.content_type = "text/csv"}));
  }
  AsyncInput input(const std::string& location, const std::string& id = "") {
    AsyncInput out;
    out.endpoint_name = "slow";
    out.input_location = location;
    if (!id.empty()) out.inference_id = id;
    return out;
  }
  Result<api::sagemaker_runtime::InvokeEndpointAsyncOutput> invoke(const AsyncInput& request) {
    return call_operation<api::sagemaker_runtime::operations::InvokeEndpointAsync>(
        *registry_, request, "eu-west-1");
  }
  void invoke_well(const AsyncInput& request) {
    auto answered = invoke(request);
    ASSERT_TRUE(answered) << answered.error().message;
  }
  std::string object(const std::string& key) { return s3_.object("b/" + key); }
  std::size_t records() {
    return store_->scan({.table = async_invocations().name(), .limit = 1000})->rows.size();
  }
  AsyncInvocation only_record() {
    auto page = store_->scan({.table = async_invocations().name(), .limit = 10});
    EXPECT_EQ(page->rows.size(), 1u);
    return *from_json<AsyncInvocation>(page->rows.at(0).value);
  }
  void set_instances(int count) {
    std::lock_guard lock(mutex_);
    target_.instances = count;
  }
  void set_kind(AsyncTarget::Kind kind) {
    std::lock_guard lock(mutex_);
    target_.kind = kind;
  }
  void set_hold(bool hold) {
    std::lock_guard lock(mutex_);
    hold_ = hold;
  }

  std::mutex mutex_;
  AsyncTarget target_;                                               // guarded by mutex_
  std::function<Result<AsyncAnswer>(const AsyncCall& call)> model_;  // guarded by mutex_
  bool hold_ = false;                                                // guarded by mutex_
  std::vector<Held> held_;                                           // guarded by mutex_
  std::vector<std::string> bodies_;                                  // guarded by mutex_
  AsyncCall last_call_;                                              // guarded by mutex_

  s3::TestS3 s3_{{"b"}};
  FakeIam iam_;
  ManualClock clock_{*parse_iso8601("2026-01-02T03:04:05Z")};
  std::unique_ptr<Random> random_ = make_seeded_random(11);
  std::unique_ptr<store::Store> store_;
  AsyncOptions options_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<AsyncInference> async_;
  std::unique_ptr<Registry> registry_;
};

}  // namespace tidemill::services::sagemaker::hosting
