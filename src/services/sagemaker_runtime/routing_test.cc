#include <gtest/gtest.h>

#include <set>

#include "services/sagemaker_runtime/inference.h"
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
    variant.instances[std::size_t(chosen)]->in_flight.fetch_add(1);
  }
  variant.instances[5]->in_flight.fetch_sub(1);
  EXPECT_EQ(variant.least_busy(), 5);
}

TEST(Routing, By_chance_every_instance_has_its_share) {
  const RoutingTable::Entry entry(eight_instances());
  std::vector<int> counts(8);
  for (int i = 0; i < 800; ++i) ++counts[std::size_t(entry.variants[0].by_chance())];
  for (const int count : counts) EXPECT_NEAR(count, 100, 5);
}

TEST(Routing, An_instance_that_refused_is_asked_when_the_others_are_full) {
  const RoutingTable::Entry entry(eight_instances());
  const RoutingTable::Entry::Variant& variant = entry.variants[0];
  for (int i = 1; i < 8; ++i) variant.instances[std::size_t(i)]->in_flight = 100 + i;
  EXPECT_EQ(variant.least_busy(), 0);
  variant.instances[0]->refused();
  EXPECT_EQ(variant.least_busy(), 1);
  variant.instances[1]->refused();
  EXPECT_EQ(variant.least_busy(), 2);
  const std::vector<int> except = {2, 3, 4, 5, 6, 7};
  EXPECT_EQ(variant.least_busy(except), 0);
  for (int i = 2; i < 8; ++i)
    variant.instances[std::size_t(i)]->in_flight = kRequestsPerInstanceMax;
  EXPECT_EQ(variant.least_busy(), 0);
  variant.instances[0]->avoided_until = 1;  // in the distant past
  variant.instances[5]->in_flight = 0;
  variant.instances[0]->in_flight = 1;
  EXPECT_EQ(variant.least_busy(), 5);
}

TEST(Routing, By_chance_those_that_refused_are_left_out_while_there_are_others) {
  const RoutingTable::Entry entry(eight_instances());
  const RoutingTable::Entry::Variant& variant = entry.variants[0];
  for (const std::size_t i : {2, 3, 7}) variant.instances[i]->refused();
  std::vector<int> counts(8);
  for (int i = 0; i < 800; ++i) ++counts[std::size_t(variant.by_chance())];
  EXPECT_EQ(counts[2] + counts[3] + counts[7], 0);
  for (const std::size_t i : {0, 1, 4, 5, 6}) EXPECT_GE(counts[i], 95) << i;
  for (const auto& instance : variant.instances) instance->refused();
  EXPECT_GE(variant.by_chance(), 0);
}

std::shared_ptr<const RoutingTable::Entry> put(RoutingTable& table, EndpointRoute route) {
  table.put(route);
  return table.find("", "", route.name);
}

TEST(Routing, What_is_under_way_counts_on_when_a_route_is_published_again) {
  RoutingTable table;
  const auto before = put(table, eight_instances());
  const auto& busy = before->variants[0];
  busy.in_flight_total->fetch_add(3);
  busy.instances[5]->in_flight.fetch_add(3);
  EndpointRoute next = eight_instances();
  next.variants[0].instances.erase(next.variants[0].instances.begin() + 2);
  next.variants[0].instances.push_back({{{{"", 1}, "AllTraffic/i-8"}}});
  const auto after = put(table, next);
  const auto& variant = after->variants[0];
  EXPECT_EQ(variant.in_flight_total->load(), 3);
  EXPECT_EQ(variant.instances[4]->in_flight.load(), 3);  // "i-5"
  for (const std::size_t other : {0, 1, 2, 3, 5, 6, 7})
    EXPECT_EQ(variant.instances[other]->in_flight.load(), 0);
  // A request that ends on the old route makes room on the new one.
  busy.in_flight_total->fetch_sub(1);
  busy.instances[5]->in_flight.fetch_sub(1);
  EXPECT_EQ(variant.in_flight_total->load(), 2);
  EXPECT_EQ(variant.instances[4]->in_flight.load(), 2);
}

TEST(Routing, Of_two_fleets_of_one_variant_each_keeps_its_own_counters) {
  RoutingTable table;
  EndpointRoute blue = eight_instances();
  blue.variants[0].instances.resize(2);
  EndpointRoute green = eight_instances();
  green.variants[0].instances.erase(green.variants[0].instances.begin(),
                                    green.variants[0].instances.begin() + 6);
  const auto one = put(table, blue);
  one->variants[0].in_flight_total->fetch_add(1);
  EndpointRoute shifting = green;  // the new fleet comes first
  shifting.variants.push_back(blue.variants[0]);
  const auto both = put(table, shifting);
  EXPECT_EQ(both->variants[0].in_flight_total->load(), 0);
  EXPECT_EQ(both->variants[1].in_flight_total->load(), 1);
  both->variants[0].in_flight_total->fetch_add(7);
  EXPECT_EQ(put(table, green)->variants[0].in_flight_total->load(), 7);
}

TEST(Sessions, The_longest_unused_is_forgotten_when_there_are_too_many) {
  Sessions sessions(3);
  for (const char* id : {"a", "b", "c"}) sessions.put("e", id, {"AllTraffic", id});
  EXPECT_TRUE(sessions.find("e", "a"));
  sessions.put("e", "b", {"AllTraffic", "moved"});
  sessions.put("e", "d", {"AllTraffic", "d"});
  EXPECT_FALSE(sessions.find("e", "c"));
  ASSERT_TRUE(sessions.find("e", "b"));
  EXPECT_EQ(sessions.find("e", "b")->log_stream, "moved");
  EXPECT_TRUE(sessions.find("e", "a"));
  EXPECT_TRUE(sessions.find("e", "d"));
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
