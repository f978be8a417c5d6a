#include "model_server/serve/batcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <future>
#include <memory>
#include <optional>
#include <thread>

namespace tidemill::model_server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Tensor column(const std::vector<float>& values) {
  return {ElementType::float32,
          {static_cast<std::int64_t>(values.size()), 1},
          std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float))};
}
std::vector<float> values(const Tensor& tensor) {
  std::vector<float> out(tensor.data.size() / sizeof(float));
  std::memcpy(out.data(), tensor.data.data(), tensor.data.size());
  return out;
}

// Doubles what it gets; the first run waits until it is let go. -1 makes a run fail.
class Doubler : public Runner {
 public:
  const std::vector<TensorSpec>& inputs() const override { return specs_; }
  const std::vector<TensorSpec>& outputs() const override { return specs_; }
  Result<Tensors> run(const Tensors& inputs) override {
    if (sizes.empty() && hold) let_go.get_future().wait();
    std::vector<float> numbers = values(inputs[0]);
    sizes.push_back(numbers.size());
    for (float& number : numbers) {
      if (number == -1) return fail(codes::kInvalid, "a number that the model refuses");
      number *= 2;
    }
    return Tensors{column(numbers)};
  }
  std::vector<std::size_t> sizes;  // rows of each run
  bool hold = false;
  std::promise<void> let_go;

 private:
  std::vector<TensorSpec> specs_{{"x", ElementType::float32, {kDynamic, 1}, {}}};
};

std::future<Result<Tensors>> submit(Batcher& batcher, const std::vector<float>& numbers) {
  auto promise = std::make_shared<std::promise<Result<Tensors>>>();
  Batcher::Done done = [promise](Result<Tensors> result) { promise->set_value(std::move(result)); };
  Tensors inputs{column(numbers)};
  EXPECT_TRUE(batcher.try_submit(inputs, done));
  return promise->get_future();
}

// Submits while the first run is held, so that what follows waits together.
struct Held {
  explicit Held(BatcherOptions options) {
    runner.hold = true;
    batcher.emplace(runner, options);
    first = submit(*batcher, {100});
    while (batcher->runs() == 0) std::this_thread::yield();
  }
  void go() { runner.let_go.set_value(); }
  Doubler runner;
  std::optional<Batcher> batcher;
  std::future<Result<Tensors>> first;
};

TEST(Batcher, What_waits_while_a_run_goes_on_is_the_next_run) {
  Held held({.join = true});
  auto a = submit(*held.batcher, {1, 2});
  auto b = submit(*held.batcher, {3});
  auto c = submit(*held.batcher, {4, 5, 6});
  held.go();
  EXPECT_THAT(values(held.first.get()->at(0)), ElementsAre(200));
  EXPECT_THAT(values(a.get()->at(0)), ElementsAre(2, 4));
  EXPECT_THAT(values(b.get()->at(0)), ElementsAre(6));
  Result<Tensors> last = c.get();
  EXPECT_THAT(values(last->at(0)), ElementsAre(8, 10, 12));
  EXPECT_THAT(last->at(0).shape, ElementsAre(3, 1));
  held.batcher->stop();
  EXPECT_THAT(held.runner.sizes, ElementsAre(1, 6));
}

TEST(Batcher, No_run_is_larger_than_it_may_be) {
  Held held({.join = true, .rows_max = 3});
  std::vector<std::future<Result<Tensors>>> answers;
  for (float i : {1.f, 2.f, 3.f, 4.f}) answers.push_back(submit(*held.batcher, {i, i}));
  held.go();
  for (std::size_t i = 0; i < 4; ++i)
    EXPECT_THAT(values(answers[i].get()->at(0)), ElementsAre(2 * (i + 1.f), 2 * (i + 1.f)));
  held.batcher->stop();
  EXPECT_THAT(held.runner.sizes, ElementsAre(1, 2, 2, 2, 2));
}

TEST(Batcher, One_bad_request_does_not_spoil_the_others) {
  Held held({.join = true});
  auto good = submit(*held.batcher, {1});
  auto bad = submit(*held.batcher, {-1});
  held.go();
  EXPECT_THAT(values(good.get()->at(0)), ElementsAre(2));
  Result<Tensors> refused = bad.get();
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("refuses"));
}

TEST(Batcher, Joins_nothing_when_it_must_not) {
  Held held({.join = false});
  auto a = submit(*held.batcher, {1});
  auto b = submit(*held.batcher, {2});
  held.go();
  EXPECT_TRUE(a.get());
  EXPECT_TRUE(b.get());
  held.batcher->stop();
  EXPECT_THAT(held.runner.sizes, ElementsAre(1, 1, 1));
}

TEST(Batcher, Bounded_and_answered_at_the_end) {
  Held held({.join = true, .waiting_max = 1});
  auto waiting = submit(*held.batcher, {1});
  Tensors inputs{column({2})};
  Batcher::Done done = [](Result<Tensors>) { FAIL(); };
  EXPECT_FALSE(held.batcher->try_submit(inputs, done));
  EXPECT_EQ(inputs.size(), 1u);  // nothing was taken
  std::thread stop([&] { held.batcher->stop(); });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  held.go();
  stop.join();
  Result<Tensors> answer = waiting.get();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, codes::kCancelled);
}

class Trial : public Runner {
 public:
  explicit Trial(bool dynamic, bool mixes)
      : mixes_(mixes), specs_{{"x", ElementType::float32, {dynamic ? kDynamic : 1, 2}, {}}} {}
  const std::vector<TensorSpec>& inputs() const override { return specs_; }
  const std::vector<TensorSpec>& outputs() const override { return specs_; }
  Result<Tensors> run(const Tensors& inputs) override {
    std::vector<float> numbers = values(inputs[0]);
    float sum = 0;
    for (float number : numbers) sum += number;
    for (float& number : numbers) number += mixes_ ? sum : 1;
    Tensor out = column(numbers);
    out.shape = inputs[0].shape;
    return Tensors{out};
  }

 private:
  bool mixes_;
  std::vector<TensorSpec> specs_;
};

TEST(RowsAreIndependent, Is_tried) {
  std::string why_not;
  Trial independent(true, false), mixing(true, true), fixed(false, false);
  EXPECT_TRUE(rows_are_independent(independent, why_not));
  EXPECT_FALSE(rows_are_independent(mixing, why_not));
  EXPECT_THAT(why_not, HasSubstr("two rows together"));
  EXPECT_FALSE(rows_are_independent(fixed, why_not));
  EXPECT_THAT(why_not, HasSubstr("fixed"));
}

}  // namespace
}  // namespace tidemill::model_server
