#include <gtest/gtest.h>

#include <set>

#include "services/sagemaker_runtime/routing_entry.h"
#include "services/sagemaker_runtime/sessions.h"

namespace tidemill::services::sagemaker_runtime {
namespace {

EndpointRoute eight_instances() {
  EndpointRoute route;
  route.name = "churn";
  VariantRoute variant;
  variant.name = "AllTraffic";
  variant.containers.resize(1);
  for (int i = 0; i < 8; ++i)
    variant.instances.push_back({{{{"", 1}, "AllTraffic/i-" + std::to_string(i)}}});
  route.variants.push_back(variant);
  return route;
}

TEST(Routing, A_session_stays_on_its_instance_and_moves_only_when_that_goes) {
  const RoutingTable::Entry eight(eight_instances());
  EndpointRoute fewer = eight_instances();
  fewer.variants[0].instances.erase(fewer.variants[0].instances.begin() + 3);
  const RoutingTable::Entry seven(std::move(fewer));
  std::set<int> used;
  for (int i = 0; i < 200; ++i) {
    const std::string session = "session-" + std::to_string(i);
    const int before = eight.variants[0].of_session(session);
    EXPECT_EQ(before, eight.variants[0].of_session(session));
    used.insert(before);
    if (before == 3) continue;
    EXPECT_EQ(seven.variants[0].of_session(session), before > 3 ? before - 1 : before);
  }
  EXPECT_EQ(used.size(), 8u);
}

TEST(Routing, The_least_busy_instance_is_next) {
  const RoutingTable::Entry entry(eight_instances());
  const RoutingTable::Entry::Variant& variant = entry.variants[0];
  for (int i = 0; i < 8; ++i) {
    const int chosen = variant.least_busy();
    EXPECT_EQ(chosen, i);
    variant.in_flight[std::size_t(chosen)].fetch_add(1);
  }
  variant.in_flight[5].fetch_sub(1);
  EXPECT_EQ(variant.least_busy(), 5);
}

TEST(Routing, By_chance_every_instance_has_its_share) {
  const RoutingTable::Entry entry(eight_instances());
  std::vector<int> counts(8);
  for (int i = 0; i < 800; ++i) ++counts[std::size_t(entry.variants[0].by_chance())];
  for (const int count : counts) EXPECT_NEAR(count, 100, 5);
}

TEST(Sessions, Are_kept_by_endpoint_until_they_are_closed) {
  Sessions sessions;
  sessions.put("a/r/one", "s", {"AllTraffic", "AllTraffic/i-0"});
  ASSERT_TRUE(sessions.find("a/r/one", "s"));
  EXPECT_EQ(sessions.find("a/r/one", "s")->log_stream, "AllTraffic/i-0");
  EXPECT_FALSE(sessions.find("a/r/two", "s"));
  sessions.erase("a/r/one", "s");
  EXPECT_FALSE(sessions.find("a/r/one", "s"));
}

}  // namespace
}  // namespace tidemill::services::sagemaker_runtime
