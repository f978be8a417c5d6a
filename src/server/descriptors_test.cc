#include "server/descriptors.h"

#include <gtest/gtest.h>

namespace tidemill::server {
namespace {

TEST(Descriptors, Connections_leave_a_reserve) {
  EXPECT_EQ(connections_within(1024, 10'000), 768u);
  EXPECT_EQ(connections_within(512, 10'000), 256u);
  EXPECT_EQ(connections_within(100, 10'000), 50u);
  EXPECT_EQ(connections_within(20'000, 10'000), 10'000u);
  EXPECT_EQ(connections_within(12'000, 10'000), 9'000u);
  EXPECT_EQ(connections_within(1, 10), 1u);
}

TEST(Descriptors, Clients_jobs_and_the_credentials_port_share_what_there_is) {
  const ConnectionShares small = share_connections(1024, 10'000);
  EXPECT_EQ(small.credentials, 96u);
  EXPECT_EQ(small.tunnels, 48u);
  EXPECT_EQ(small.names, 24u);
  EXPECT_EQ(small.job_listeners, 48u);
  EXPECT_EQ(small.clients, 403u);
  EXPECT_EQ(small.jobs, 100u);
  EXPECT_LE(small.clients + small.jobs + small.credentials + 2 * small.tunnels + small.names +
                small.job_listeners,
            768u);
  const ConnectionShares enough = share_connections(131'072, 10'000);
  EXPECT_EQ(enough.credentials, 1024u);
  EXPECT_EQ(enough.tunnels, 256u);
  EXPECT_EQ(enough.names, 256u);
  EXPECT_EQ(enough.job_listeners, 1280u);
  EXPECT_EQ(enough.clients, 10'000u);
  EXPECT_EQ(enough.jobs, 2500u);
  // Gives the number asked for when all fit; never zero.
  EXPECT_EQ(share_connections(131'072, 10).clients, 10u);
  EXPECT_EQ(share_connections(131'072, 400).clients, 400u);
  EXPECT_EQ(share_connections(131'072, 400).credentials, 1024u);
  const ConnectionShares none = share_connections(1, 10);
  EXPECT_EQ(none.clients + none.jobs + none.credentials + none.tunnels + none.names, 5u);
}

TEST(Descriptors, The_soft_limit_is_raised) { EXPECT_GE(raise_descriptor_limit(), 256u); }

}  // namespace
}  // namespace tidemill::server
