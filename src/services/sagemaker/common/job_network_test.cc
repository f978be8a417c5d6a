#include "services/sagemaker/common/job_network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/sagemaker/common/role_environment.h"
#include "services/sagemaker/common/test_fakes.h"

namespace tidemill::services::sagemaker {
namespace {

const compute::Isolation kCan{.network_namespace = true};
const compute::Isolation kCannot{.explanation = "jobs share the host's network (not root)"};

Settings at(const std::string& endpoint, std::uint16_t port = 4566) {
  Settings settings;
  settings.endpoint = endpoint;
  settings.isolate_jobs = true;
  settings.port = port;
  settings.credentials_url = "http://127.0.0.1:999";
  return settings;
}

TEST(JobNetwork, AnIsolatedJobFindsTheServerOnItsOwnLoopback) {
  for (const char* endpoint : {"http://127.0.0.1:4566", "https://10.1.2.3:4566"}) {
    const JobNetwork network = job_network(at(endpoint), kCan, false, "http://elsewhere:4566");
    EXPECT_EQ(network.network, compute::JobNetwork::isolated);
    EXPECT_EQ(network.server_port, 4566);
    EXPECT_EQ(network.server_url, "http://127.0.0.1:4566");
    EXPECT_EQ(network.credentials_url, "http://127.0.0.1:4566");
  }
  // The contract's port is the model's; the ports of the resolver and of https are taken.
  for (const std::uint16_t taken : {kContractPort, std::uint16_t(53), std::uint16_t(443)})
    EXPECT_EQ(job_network(at("http://h", taken), kCan, false).server_port, 4566) << taken;
  EXPECT_EQ(job_network(at("http://h:80", 80), kCan, false).server_port, 80);
}

TEST(JobNetwork, InTheHostsNetworkItFindsTheServerAsItsCreatorDid) {
  JobNetwork network = job_network(at("http://127.0.0.1:4566"), kCannot, false, "http://x:1");
  EXPECT_EQ(network.network, compute::JobNetwork::host);
  EXPECT_EQ(network.server_url, "http://x:1");
  EXPECT_EQ(network.credentials_url, "http://127.0.0.1:4566");
  // Addresses from which SDKs would not fetch credentials.
  for (const char* endpoint :
       {"https://127.0.0.1:4566", "http://127.0.0.2:4566", "http://h:4566"}) {
    network = job_network(at(endpoint), kCannot, false);
    EXPECT_EQ(network.server_url, endpoint);
    EXPECT_EQ(network.credentials_url, "http://127.0.0.1:999");
  }
  Settings shared = at("http://127.0.0.1:4566");
  shared.isolate_jobs = false;
  EXPECT_EQ(job_network(shared, kCan, false).network, compute::JobNetwork::host);
}

TEST(JobNetwork, OneThatIsCutOffHasNeitherServerNorCredentials) {
  Settings settings = at("http://127.0.0.1:4566");
  for (bool isolate : {true, false}) {
    settings.isolate_jobs = isolate;
    const JobNetwork network = job_network(settings, kCan, true, "http://x:1");
    compute::JobSpec spec;
    join(spec, network);
    EXPECT_EQ(spec.network, compute::JobNetwork::isolated);
    EXPECT_EQ(spec.server_port, 0);
    EXPECT_FALSE(spec.environment.contains("AWS_ENDPOINT_URL"));
    EXPECT_EQ(spec.environment["TIDEMILL_JOB_NETWORK"], "none");
    FakeIam iam;
    EXPECT_TRUE(role_environment(iam, network.credentials_url, {"j", "r", "s"})->empty());
    EXPECT_EQ(iam.grants(), 0u);
  }
  EXPECT_TRUE(check_network_isolation(true, kCan));
  EXPECT_TRUE(check_network_isolation(false, kCannot));
  Result<void> refused = check_network_isolation(true, kCannot);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "ValidationException");
  EXPECT_THAT(refused.error().message, ::testing::HasSubstr("not root"));
}

TEST(RoleEnvironment, IsAPlaceAndATokenAndNeverKeys) {
  FakeIam iam;
  const auto variables = role_environment(iam, "http://127.0.0.1:4566", {"j", "r", "s"}).value();
  EXPECT_EQ(variables.at("AWS_CONTAINER_CREDENTIALS_FULL_URI"),
            "http://127.0.0.1:4566/_tidemill/credentials/j");
  EXPECT_EQ(variables.at("AWS_CONTAINER_AUTHORIZATION_TOKEN"), "token-of-j");
  EXPECT_EQ(variables.size(), 2u);
}

}  // namespace
}  // namespace tidemill::services::sagemaker
