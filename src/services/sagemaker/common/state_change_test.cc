#include "services/sagemaker/common/state_change.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "services/sagemaker/hosting/endpoint/test_endpoint_machine.h"
#include "services/sagemaker/hosting/endpoint/transitions.h"

namespace tidemill::services::sagemaker {

TEST(StateChange, StatusesOfEndpointsAreUpperSnake) {
  EXPECT_EQ(upper_snake("InService"), "IN_SERVICE");
  EXPECT_EQ(upper_snake("RollingBack"), "ROLLING_BACK");
  EXPECT_EQ(upper_snake("Failed"), "FAILED");
  EXPECT_EQ(upper_snake(""), "");
}

TEST(StateChange, RequestsAreToldWithTheirTags) {
  ValueObject detail;
  add_request(detail, *parse_json(R"({"A": 1, "B": [2], "Tags": [{"Key": "k", "Value": "v"}]})"),
              {"A", "C"});
  EXPECT_EQ(write_json(detail), R"({"A":1,"Tags":{"k":"v"}})");
}

TEST(StateChange, WhatWouldMakeTheEventTooLargeIsLeftOut) {
  ValueObject request;
  request.append("A", std::string(engine::kEventBytesMax, 'x'));
  ValueObject detail;
  add_request(detail, request, {"A"});
  EXPECT_TRUE(detail.empty());
}

TEST(StateChange, EndpointsTellWhenTheirStatusChanges) {
  hosting::EndpointMachine machine = hosting::in_service(hosting::test_fleet("a", 2));
  const Timestamp now{1'795'978'860'000'000};
  auto step = hosting::endpoint_transition(machine.record,
                                           {hosting::endpoint_events::kDeleteRequested, {}}, now);
  ASSERT_TRUE(step && *step);
  ASSERT_EQ((*step)->published.size(), 1u);
  const engine::PublishedEvent& event = (*step)->published[0];
  EXPECT_EQ(event.source, "aws.sagemaker");
  EXPECT_EQ(event.detail_type, "SageMaker Endpoint State Change");
  EXPECT_EQ(*event.detail.find("EndpointStatus"), Value("DELETING"));
  EXPECT_EQ(*event.detail.find("LastModifiedTime"), Value(1'795'978'860'000.0));
  ASSERT_EQ(event.detail.find("ProductionVariants")->as_list()->size(), 1u);
  EXPECT_EQ(
      *event.detail.find("ProductionVariants")->as_list()->front().find("DesiredInstanceCount"),
      Value(2.0));
}

}  // namespace tidemill::services::sagemaker
