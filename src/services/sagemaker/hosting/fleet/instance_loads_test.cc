#include "services/sagemaker/hosting/fleet/instance_loads.h"

#include <gtest/gtest.h>

namespace tidemill::services::sagemaker::hosting {
namespace {

Fleet two_instances() {
  Fleet fleet;
  fleet.id = "a";
  Variant variant;
  variant.name = "AllTraffic";
  variant.containers.resize(2);
  variant.resize(2);
  fleet.variants.push_back(variant);
  return fleet;
}

TEST(InstanceLoads, An_instance_has_one_load_as_long_as_somebody_holds_it) {
  InstanceLoads loads;
  const Fleet fleet = two_instances();
  auto first = loads.of(fleet, {0, 0});
  EXPECT_EQ(loads.of(fleet, {0, 0}), first);
  EXPECT_NE(loads.of(fleet, {0, 1}), first);
  Fleet other = fleet;
  other.id = "b";
  EXPECT_NE(loads.of(other, {0, 0}), first);
  first->in_flight = 3;
  EXPECT_EQ(loads.under_way(fleet, all_instances(fleet)), 3);
  EXPECT_EQ(loads.under_way(fleet, {{0, 1}}), 0);
  EXPECT_EQ(loads.under_way(other, all_instances(other)), 0);
  first.reset();  // no route has it, and no request
  EXPECT_EQ(loads.under_way(fleet, all_instances(fleet)), 0);
}

TEST(InstanceLoads, A_server_that_was_started_again_has_nothing_of_the_one_before) {
  InstanceLoads loads;
  Fleet fleet = two_instances();
  const Fleet before = fleet;
  auto old_load = loads.of(fleet, {0, 0});
  old_load->in_flight = 2;
  fleet.variants[0].instances[0].servers[1].attempt = 1;
  auto new_load = loads.of(fleet, {0, 0});
  new_load->in_flight = 5;
  EXPECT_EQ(loads.under_way(before, {{0, 0}}), 2);
  EXPECT_EQ(loads.under_way(fleet, {{0, 0}}), 5);
  loads.leave(before, {{0, 0}}, sagemaker_runtime::Leaving::stopped);
  EXPECT_EQ(old_load->leaving, sagemaker_runtime::Leaving::stopped);
  EXPECT_EQ(new_load->leaving, sagemaker_runtime::Leaving::no);
}

}  // namespace
}  // namespace tidemill::services::sagemaker::hosting
