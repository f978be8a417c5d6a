#include "runtime/network_namespace.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include "base/log.h"

namespace tidemill::runtime {
namespace {

constexpr int kBacklog = 256;

std::unexpected<Error> failed(const std::string& what) {
  return fail(codes::kIo, what + ": " + std::strerror(errno));
}

// The network of this process, which every thread of it is in but for the moments of a Visit.
int home() {
  static const int descriptor = ::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  return descriptor;
}

// While it lives, the calling thread may be in another namespace.
class Visit {
 public:
  Visit() { (void)home(); }
  ~Visit() {
    const int kept = errno;
    // A thread that stayed would open the server's own sockets in a job's network.
    if (away_ && ::setns(home(), CLONE_NEWNET) != 0) {
      log::error("cannot return to the network of this process", {{"error", std::strerror(errno)}});
      std::abort();
    }
    errno = kept;
  }
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;

  bool go_to(int descriptor) {
    return away_ = home() >= 0 && ::setns(descriptor, CLONE_NEWNET) == 0;
  }
  bool go_to_new() { return away_ = home() >= 0 && ::unshare(CLONE_NEWNET) == 0; }

 private:
  bool away_ = false;
};

bool bring_loopback_up() {
  const Descriptor any(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  return any && ::ioctl(any.get(), SIOCSIFFLAGS, &request) == 0;
}

}  // namespace

Result<std::shared_ptr<const NetworkNamespace>> NetworkNamespace::make() {
  Visit visit;
  if (!visit.go_to_new()) return failed("make a network namespace");
  Descriptor own(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!own || !bring_loopback_up()) return failed("set a network namespace up");
  return std::make_shared<const NetworkNamespace>(std::move(own));
}

Result<std::shared_ptr<const NetworkNamespace>> NetworkNamespace::of_process(int pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/ns/net";
  Descriptor theirs(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!theirs) return failed("open " + path);
  return std::make_shared<const NetworkNamespace>(std::move(theirs));
}

int NetworkNamespace::make_socket(int family) const {
  Visit visit;
  if (!visit.go_to(descriptor_.get())) return -1;
  return ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
}

namespace {

bool bind_to_loopback(int descriptor, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return ::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

}  // namespace

Result<Descriptor> NetworkNamespace::listen_on_loopback(std::uint16_t port) const {
  Descriptor listener(make_socket(AF_INET));
  if (!listener) return failed("make a socket in a network namespace");
  const int on = 1;
  ::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (!bind_to_loopback(listener.get(), port) || ::listen(listener.get(), kBacklog) != 0)
    return failed("listen on port " + std::to_string(port) + " of a job's network");
  return listener;
}

Result<Descriptor> NetworkNamespace::take_datagrams_on_loopback(std::uint16_t port) const {
  Descriptor socket;
  {
    Visit visit;
    if (visit.go_to(descriptor_.get()))
      socket = Descriptor(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  }
  if (!socket || !bind_to_loopback(socket.get(), port))
    return failed("take datagrams on port " + std::to_string(port) + " of a job's network");
  return socket;
}

}  // namespace tidemill::runtime
