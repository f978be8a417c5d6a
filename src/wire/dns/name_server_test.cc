#include "wire/dns/name_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <ctime>
#include <thread>
#include <vector>

#include "base/test_eventually.h"

namespace tidemill::wire {
namespace {

const std::string kQuery("\x12\x34\x01\0\0\1\0\0\0\0\0\0\6algo-1\0\0\1\0\1", 24);
const std::string kAddress("\x7f\0\0\1", 4);

Descriptor bound(int type, sockaddr_in& address) {
  Descriptor made(::socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  ::bind(made.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
  if (type == SOCK_STREAM) ::listen(made.get(), 64);
  ::getsockname(made.get(), reinterpret_cast<sockaddr*>(&address), &length);
  return made;
}

class NameServerTest : public ::testing::Test {
 protected:
  void open(const std::string& job) {
    Descriptor datagrams = bound(SOCK_DGRAM, datagrams_at_);
    names_.open(job, std::move(datagrams), bound(SOCK_STREAM, streams_at_));
  }
  static Descriptor connected(int type, const sockaddr_in& address) {
    Descriptor made(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
    const timeval patience{5, 0};
    ::setsockopt(made.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (::connect(made.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      made.reset();
    return made;
  }
  static std::string received(const Descriptor& from) {
    char buffer[1024];
    const ssize_t count = ::recv(from.get(), buffer, sizeof buffer, 0);
    return count > 0 ? std::string(buffer, std::size_t(count)) : std::string();
  }
  static void send(const Descriptor& to, const std::string& bytes) {
    ::send(to.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }

  runtime::EventLoops loops_{1};
  NameServer names_{loops_, [](std::string_view name) { return name == "algo-1"; }};
  sockaddr_in datagrams_at_{}, streams_at_{};
};

TEST_F(NameServerTest, AnswersDatagramsAndConnections) {
  open("a");
  const Descriptor datagrams = connected(SOCK_DGRAM, datagrams_at_);
  send(datagrams, "junk");
  send(datagrams, kQuery);
  EXPECT_TRUE(received(datagrams).ends_with(kAddress));
  const Descriptor stream = connected(SOCK_STREAM, streams_at_);
  const std::string framed = std::string("\0\x18", 2) + kQuery;
  for (int round = 0; round < 3; ++round) {
    for (const char& byte : framed) send(stream, std::string(1, byte));
    EXPECT_TRUE(received(stream).ends_with(kAddress)) << round;
  }
  send(stream, std::string("\xff\xff", 2));  // longer than any message
  EXPECT_EQ(received(stream), "");
}

TEST_F(NameServerTest, HoldsAFewConnectionsAndClosesTheRest) {
  open("a");
  std::vector<Descriptor> held;
  for (std::size_t i = 0; i < dns_connections_max; ++i)
    held.push_back(connected(SOCK_STREAM, streams_at_));
  EXPECT_EQ(received(connected(SOCK_STREAM, streams_at_)), "");
  send(held.front(), std::string("\0\x18", 2) + kQuery);
  EXPECT_TRUE(received(held.front()).ends_with(kAddress));
  held.pop_back();
  EXPECT_TRUE(eventually([&] {
    const Descriptor late = connected(SOCK_STREAM, streams_at_);
    send(late, std::string("\0\x18", 2) + kQuery);
    return received(late).ends_with(kAddress);
  }));
}

TEST_F(NameServerTest, TheConnectionsOfAllJobsAreLimited) {
  NameServer few(loops_, [](std::string_view name) { return name == "algo-1"; }, 3);
  const std::string framed = std::string("\0\x18", 2) + kQuery;
  const auto answered = [&](const Descriptor& stream) {
    send(stream, framed);
    return received(stream).ends_with(kAddress);
  };
  std::vector<sockaddr_in> places(2);
  std::vector<sockaddr_in> datagrams_at(2);
  for (std::size_t job = 0; job < 2; ++job) {
    Descriptor datagrams = bound(SOCK_DGRAM, datagrams_at[job]);
    few.open("job" + std::to_string(job), std::move(datagrams), bound(SOCK_STREAM, places[job]));
  }
  std::vector<Descriptor> held;
  for (int i = 0; i < 3; ++i) {
    held.push_back(connected(SOCK_STREAM, places[0]));
    EXPECT_TRUE(answered(held.back())) << i;
  }
  EXPECT_FALSE(answered(connected(SOCK_STREAM, places[1])));
  const Descriptor datagrams = connected(SOCK_DGRAM, datagrams_at[1]);
  send(datagrams, kQuery);
  EXPECT_TRUE(received(datagrams).ends_with(kAddress));
  few.close("job0");
  EXPECT_TRUE(eventually([&] { return answered(connected(SOCK_STREAM, places[1])); }));
}

// The server's process, which is the test's, has no descriptor left for a while.
TEST_F(NameServerTest, DoesNotSpinWithoutDescriptors) {
#if defined(__has_feature)
#if __has_feature(undefined_behavior_sanitizer)
  GTEST_SKIP() << "the sanitizer needs descriptors of its own to look at objects";
#endif
#endif
  open("a");
  const Descriptor client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval patience{5, 0};
  ::setsockopt(client.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const int lowest_free = ::fcntl(client.get(), F_DUPFD_CLOEXEC, 0);
  ::close(lowest_free);
  const rlimit exhausted{rlim_t(lowest_free), before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &exhausted), 0);
  const int connected =
      ::connect(client.get(), reinterpret_cast<const sockaddr*>(&streams_at_), sizeof streams_at_);
  const std::clock_t begun = std::clock();  // of the processor
  std::this_thread::sleep_for(std::chrono::milliseconds(400));
  const double busy_seconds = double(std::clock() - begun) / CLOCKS_PER_SEC;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_EQ(connected, 0);
  EXPECT_LT(busy_seconds, 0.05);
  send(client, std::string("\0\x18", 2) + kQuery);
  EXPECT_TRUE(received(client).ends_with(kAddress)) << "accepted once there are descriptors";
}

TEST_F(NameServerTest, ClosesWithTheJob) {
  open("a");
  const Descriptor stream = connected(SOCK_STREAM, streams_at_);
  send(stream, std::string("\0\x18", 2) + kQuery);
  EXPECT_TRUE(received(stream).ends_with(kAddress));
  names_.close("a");
  names_.close("a");
  EXPECT_EQ(received(stream), "");
  EXPECT_TRUE(eventually([&] { return !connected(SOCK_STREAM, streams_at_); }));
  open("b");
  names_.stop();
  EXPECT_FALSE(connected(SOCK_STREAM, streams_at_));
  open("c");  // too late
  EXPECT_FALSE(connected(SOCK_STREAM, streams_at_));
}

}  // namespace
}  // namespace tidemill::wire
