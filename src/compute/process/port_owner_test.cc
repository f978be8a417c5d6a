#include "compute/process/port_owner.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/descriptor.h"

namespace tidemill::compute {
namespace {

using ::testing::ElementsAre;

constexpr std::string_view kTable =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
    "inode\n"
    "   0: 0100007F:2711 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 "
    "111 1 0000000000000000 100 0 0 10 0\n"
    "   1: 00000000:2711 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 "
    "222 1 0000000000000000 100 0 0 10 0\n"
    "   2: 0100007F:2711 0100007F:9999 01 00000000:00000000 00:00000000 00000000  1000        0 "
    "333 1 0000000000000000 100 0 0 10 0\n"
    "   3: 0500A8C0:2711 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 "
    "444 1 0000000000000000 100 0 0 10 0\n"
    "   4: 0100007F:2712 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 "
    "555 1 0000000000000000 100 0 0 10 0\n"
    "   5: 0100007F:2711\n";

TEST(PortOwner, ReadsWhoListensOnALoopbackPort) {
  EXPECT_THAT(listening_inodes(kTable, 10001), ElementsAre("111", "222"));
  EXPECT_THAT(listening_inodes(kTable, 10002), ElementsAre("555"));
  EXPECT_THAT(listening_inodes(kTable, 1), ElementsAre());
  EXPECT_THAT(listening_inodes("", 1), ElementsAre());
}

std::uint16_t listen_somewhere(Descriptor& listener) {
  listener = Descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  ::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
  ::listen(listener.get(), 4);
  ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &length);
  return ntohs(address.sin_port);
}

TEST(PortOwner, TellsADescendantFromAStranger) {
  Descriptor listener;
  const std::uint16_t port = listen_somewhere(listener);
  // This process itself is no descendant of itself.
  EXPECT_FALSE(descendants_listen(::getpid(), port));
  const pid_t child = ::fork();  // which has the socket, too
  if (child == 0) {
    ::pause();
    ::_exit(0);
  }
  EXPECT_TRUE(descendants_listen(::getpid(), port));
  listener.reset();
  EXPECT_TRUE(descendants_listen(::getpid(), port));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_FALSE(descendants_listen(::getpid(), port));
}

}  // namespace
}  // namespace tidemill::compute
