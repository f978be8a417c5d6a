#include "services/sagemaker/hosting/fleet/fleet.h"
#include "services/sagemaker/hosting/fleet/fleet_transitions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/sagemaker/hosting/fleet/instance_spec.h"

namespace tidemill::services::sagemaker::hosting {
namespace {

Fleet two_containers(std::int64_t instances) {
  Fleet fleet;
  fleet.id = "a";
  Variant variant;
  variant.name = "AllTraffic";
  variant.containers.resize(2);
  variant.containers[0].engine = engines::kPython;
  variant.containers[1].engine = engines::kNative;
  variant.containers[1].hostname = "second";
  variant.resize(instances);
  fleet.variants.push_back(variant);
  return fleet;
}

TEST(Fleet, An_instance_is_ready_when_every_container_is) {
  Fleet fleet = two_containers(2);
  Variant& variant = fleet.variants[0];
  EXPECT_FALSE(variant.native());
  EXPECT_EQ(variant.ready_instances(), 0);
  variant.instances[0].servers[0].ready = true;
  EXPECT_EQ(variant.ready_instances(), 0);
  variant.instances[0].servers[1].ready = true;
  EXPECT_EQ(variant.ready_instances(), 1);
  variant.resize(3);
  EXPECT_EQ(variant.ready_instances(), 1);
  EXPECT_EQ(all_instances(fleet).size(), 3u);
}

TEST(Fleet, Servers_are_found_at_their_attempt_only) {
  Fleet fleet = two_containers(1);
  EXPECT_TRUE(find_server(fleet, {"a", 0, 0, 1, 0, 0, ""}));
  for (const ServerRef& ref :
       {ServerRef{"b", 0, 0, 0, 0, 0, ""}, ServerRef{"a", 1, 0, 0, 0, 0, ""},
        ServerRef{"a", 0, -1, 0, 0, 0, ""}, ServerRef{"a", 0, 0, 2, 0, 0, ""},
        ServerRef{"a", 0, 0, 0, 1, 0, ""}})
    EXPECT_FALSE(find_server(fleet, ref));
}

TEST(Fleet, Log_streams_name_the_container_of_a_pipeline) {
  Fleet fleet = two_containers(1);
  EXPECT_EQ(server_log_stream(fleet.variants[0], {"a", 0, 0, 0, 0, 0, ""}),
            "AllTraffic/i-a-0/container-1");
  EXPECT_EQ(server_log_stream(fleet.variants[0], {"a", 0, 0, 1, 0, 0, ""}),
            "AllTraffic/i-a-0/second");
  fleet.variants[0].containers.pop_back();
  EXPECT_EQ(server_log_stream(fleet.variants[0], {"a", 0, 0, 0, 0, 0, ""}), "AllTraffic/i-a-0");
}

TEST(ServerJobId, Says_whose_it_is) {
  FleetOwner owner{"endpoint", "111122223333", "us-east-1", "churn-2026", "", ""};
  auto job = parse_server_job_id(server_job_id(owner, {"abcdefghij", 1, 2, 3, 4, 0, ""}));
  ASSERT_TRUE(job);
  EXPECT_EQ(job->kind, "endpoint");
  EXPECT_EQ(job->name, "churn-2026");
  EXPECT_EQ(job->ref.fleet, "abcdefghij");
  EXPECT_EQ(job->ref.variant, 1);
  EXPECT_EQ(job->ref.instance, 2);
  EXPECT_EQ(job->ref.container, 3);
  EXPECT_EQ(job->ref.attempt, 4);
  EXPECT_FALSE(parse_server_job_id("training.x"));
  EXPECT_FALSE(parse_server_job_id("endpoint.a.b.c.d.1.2.3.x"));
  owner.name = std::string(63, 'n');
  owner.region = "ap-northeast-1";
  EXPECT_LE(server_job_id(owner, {"abcdefghij", 9, 31, 14, 9999, 0, ""}).size(), 128u);
}

TEST(InstanceSpec, The_volume_is_the_variants) {
  Variant variant = two_containers(1).variants[0];
  const auto volume = [&variant] {
    return instance_spec({"endpoint", "1", "r", "e", "", ""}, variant, {"a", 0, 0, 0, 0, 0, ""},
                         InstanceSurroundings{})
        .resources.scratch_bytes_max;
  };
  EXPECT_EQ(volume(), std::uint64_t(30) << 30);
  variant.volume_gib_max = 7;
  EXPECT_EQ(volume(), std::uint64_t(7) << 30);
}

TEST(RestartDelay, Doubles_up_to_a_minute) {
  EXPECT_EQ(restart_delay_seconds(1), 1);
  EXPECT_EQ(restart_delay_seconds(2), 2);
  EXPECT_EQ(restart_delay_seconds(4), 8);
  EXPECT_EQ(restart_delay_seconds(400), 60);
}

TEST(ReasonFromLog, Keeps_the_traceback_and_its_end) {
  std::string log = "starting\nTraceback (most recent call last):\n";
  for (int i = 0; i < 50; ++i) log += "  File \"x.py\", line " + std::to_string(i) + "\n";
  log += "ValueError: no such column\n";
  const std::string reason = reason_from_log(log, 300);
  EXPECT_LE(reason.size(), 300u);
  EXPECT_THAT(reason,
              ::testing::StartsWith(
                  "ValueError: no such column\nTraceback (most recent call last):\n  ...\n"));
  EXPECT_THAT(reason, ::testing::EndsWith("ValueError: no such column"));
  EXPECT_EQ(reason_from_log("just this\n", 300), "just this");
}

TEST(ReasonFromLog, Says_whose_environment_lacks_a_module) {
  const std::string reason = reason_from_log(
      "Traceback (most recent call last):\n  File \"x.py\", line 1\n"
      "ModuleNotFoundError: No module named 'lightgbm'\n",
      900);
  EXPECT_THAT(reason, ::testing::StartsWith("ModuleNotFoundError: No module named 'lightgbm'\n"));
  EXPECT_THAT(reason, ::testing::HasSubstr("setting --python"));
  EXPECT_THAT(reason, ::testing::EndsWith("README.md, 'Running it'."));
}

// However the wall clock is set, what was waited for is the pauses between the looks.
TEST(FleetDraining, IsCountedInPausesBetweenLooks) {
  EXPECT_EQ(waited_by({"id", 0}).count(), 0);
  EXPECT_EQ(waited_by({"id", 1}).count(), 1);
  EXPECT_EQ(waited_by({"id", 3}).count(), 1 + 2 + 3);
  EXPECT_EQ(waited_by({"id", 7}).count(), 1 + 2 + 3 + 4 + 5 + 5 + 5);
  std::int64_t seconds = 0;
  StopRef ref{"", 0};
  for (int look = 0; look < 20; ++look) {
    const engine::Task task = *look_again({}, true, ref);
    ASSERT_TRUE(from_value(task.payload, ref));
    seconds += std::chrono::duration_cast<std::chrono::seconds>(task.delay).count();
    EXPECT_EQ(waited_by(ref).count(), seconds);
  }
}

}  // namespace
}  // namespace tidemill::services::sagemaker::hosting
