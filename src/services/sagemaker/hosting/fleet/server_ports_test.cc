#include "services/sagemaker/hosting/fleet/server_ports.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>
#include <vector>

namespace tidemill::services::sagemaker::hosting {
namespace {

// Bound to a port of its own choice, on every address.
class Occupied {
 public:
  Occupied() : descriptor_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    socklen_t length = sizeof address;
    ::bind(descriptor_, reinterpret_cast<sockaddr*>(&address), length);
    ::listen(descriptor_, 1);
    ::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
  }
  ~Occupied() { ::close(descriptor_); }
  std::uint16_t port() const { return port_; }

 private:
  int descriptor_;
  std::uint16_t port_ = 0;
};

std::unique_ptr<Random> seeded() { return make_seeded_random(7); }

TEST(ServerPorts, One_that_somebody_listens_on_is_not_taken) {
  const Occupied other;
  auto random = seeded();
  ServerPorts only(*random, {other.port(), other.port()});
  EXPECT_TRUE(ServerPorts::is_listened_on(other.port()));
  auto taken = only.take();
  ASSERT_FALSE(taken);
  EXPECT_THAT(taken.error().message, ::testing::HasSubstr(std::to_string(other.port())));
}

TEST(ServerPorts, Two_that_start_at_once_never_get_the_same) {
  auto random = seeded();
  ServerPorts ports(*random);
  std::vector<std::uint16_t> taken(64);
  {
    std::vector<std::jthread> threads;
    for (std::size_t t = 0; t < 4; ++t)
      threads.emplace_back([&, t] {
        for (std::size_t i = t; i < taken.size(); i += 4)
          if (auto port = ports.take()) taken[i] = *port;
      });
  }
  std::ranges::sort(taken);
  EXPECT_NE(taken.front(), 0);
  EXPECT_EQ(std::ranges::adjacent_find(taken), taken.end());
}

TEST(ServerPorts, One_is_taken_until_it_is_given_back) {
  auto random = make_system_random();
  const std::uint16_t free_one = ServerPorts(*random).take().value_or(0);
  EXPECT_FALSE(ServerPorts::is_listened_on(free_one));
  ServerPorts ports(*random, {free_one, free_one});
  ASSERT_EQ(ports.take().value_or(0), free_one);
  EXPECT_FALSE(ports.take());
  ports.give_back(free_one);
  EXPECT_EQ(ports.take().value_or(0), free_one);
  ports.give_back(free_one);
  ports.keep(free_one);  // a server that was there before has it
  EXPECT_FALSE(ports.take());
}

TEST(ServerPorts, Lie_where_the_kernel_gives_connections_none) {
  const auto at = [](int first, int last) {
    const PortRange range = ports_beside({first, last});
    return std::pair(range.first, range.last);
  };
  EXPECT_EQ(at(32'768, 60'999), std::pair(16'384, 32'767));
  EXPECT_EQ(at(16'000, 60'999), std::pair(10'000, 15'999));
  EXPECT_EQ(at(1'024, 60'999), std::pair(61'000, 65'535));
  EXPECT_EQ(at(1'024, 65'535), std::pair(10'000, 65'535));
}

}  // namespace
}  // namespace tidemill::services::sagemaker::hosting
