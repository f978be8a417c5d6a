#include "compute/instance_types.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace tidemill::compute {
namespace {

TEST(InstanceTypes, TableIsOrderedAndComplete) {
  const auto all = instance_types();
  EXPECT_TRUE(
      std::is_sorted(all.begin(), all.end(), [](auto& a, auto& b) { return a.name < b.name; }));
  for (const InstanceType& type : all) {
    EXPECT_GT(type.vcpus, 0) << type.name;
    EXPECT_GT(type.memory_gib, 0) << type.name;
    if (type.usd_an_hour > 0) EXPECT_GT(type.usd_an_hour, type.usd_an_hour_spot) << type.name;
    EXPECT_EQ(type.usd_an_hour > 0, type.price_basis != PriceBasis::unknown) << type.name;
    EXPECT_EQ(type.gpus > 0, !type.gpu.empty()) << type.name;
    EXPECT_EQ(find_instance_type(type.name), &type);
  }
}

// The expected figures are SageMaker's list prices as other public material quotes them: $0.115,
// $0.204, $0.94 and $0.736 an hour.
TEST(InstanceTypes, DerivedPricesAgreeWithSageMakersList) {
  const std::pair<const char*, double> quoted[] = {{"ml.m5.large", 0.115},
                                                   {"ml.c5.xlarge", 0.204},
                                                   {"ml.g4dn.2xlarge", 0.94},
                                                   {"ml.g4dn.xlarge", 0.736}};
  for (const auto& [name, usd] : quoted) {
    const InstanceType* type = find_instance_type(name);
    ASSERT_TRUE(type) << name;
    EXPECT_EQ(type->price_basis, PriceBasis::derived) << name;
    EXPECT_NEAR(type->usd_an_hour, usd, usd * 0.01) << name;
  }
  EXPECT_EQ(find_instance_type("ml.m5.xlarge")->price_basis, PriceBasis::listed);
}

TEST(InstanceTypes, UnknownNameListsNearOnes) {
  ASSERT_TRUE(check_instance_type("ml.m5.xlarge"));
  auto unknown = check_instance_type("ml.m5.xlrge");
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.error().message, ::testing::HasSubstr("ml.m5.xlarge"));
  EXPECT_FALSE(check_instance_type(""));
}

TEST(InstanceTypes, LimitsAreBoundedByTheMachine) {
  const ResourceLimits large = limits_on_this_machine(*find_instance_type("ml.p4d.24xlarge"));
  const ResourceLimits small = limits_on_this_machine(*find_instance_type("ml.t3.medium"));
  EXPECT_LE(small.memory_bytes_max, large.memory_bytes_max);
  EXPECT_LE(small.memory_bytes_max, 4ull << 30);
  EXPECT_LE(small.cpus_max, 2);
  EXPECT_LE(large.cpus_max, 96);
}

}  // namespace
}  // namespace tidemill::compute
