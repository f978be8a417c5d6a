#include "services/sagemaker/held_describe.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/test_eventually.h"
#include "engine/make_engine.h"
#include "services/sagemaker/endpoint/endpoint.h"
#include "store/memory/memory_store.h"

namespace tidemill::services::sagemaker {
namespace {

TEST(HeldDescribes, All_kinds_share_one_cap_below_the_workers) {
  SystemClock clock;
  std::unique_ptr<Random> random = make_system_random();
  auto store = store::make_memory_store(engine::engine_tables());
  auto engine = engine::make_engine(*store, clock, *random);
  HeldDescribes jobs(*engine, "jobs"), endpoints(*engine, "endpoints");
  HeldDescribes::share_workers(8);
  std::stop_source stop;
  Context context;
  context.stop = stop.get_token();
  // An unknown machine's records never change.
  auto wait = [&](HeldDescribes& kind) {
    return kind.wait<Endpoint>(context, "key",
                               HeldDescribes::Clock::now() + std::chrono::seconds(60),
                               [](const Endpoint&) { return false; });
  };
  std::atomic<int> waited{0}, at_once{0};
  {
    std::vector<std::jthread> describes;
    for (int i = 0; i < 24; ++i)
      describes.emplace_back([&, i] { ++(wait(i % 2 ? jobs : endpoints) ? waited : at_once); });
    EXPECT_TRUE(eventually([&] { return at_once == 22; }));
    stop.request_stop();
  }
  EXPECT_EQ(waited, 2);
  EXPECT_TRUE(wait(jobs));  // what ended makes room
  HeldDescribes::share_workers(1);
  EXPECT_FALSE(wait(jobs));
  HeldDescribes::share_workers(24);
}

}  // namespace
}  // namespace tidemill::services::sagemaker
