// A Linux network namespace (network_namespaces(7)), kept by a descriptor, and sockets in it that
// are used from outside: a socket belongs for ever to the namespace it was made in, whoever holds
// it.
#pragma once

#include <cstdint>
#include <memory>

#include "base/descriptor.h"
#include "base/error.h"

namespace tidemill::runtime {

// Thread-safe. Each function steps into the namespace with the calling thread and out again, some
// ten microseconds; other threads are not touched.
class NetworkNamespace {
 public:
  // A new one, in which the loopback interface is up and nothing else. Takes half a millisecond.
  // Tidemill.Io, with the reason, where the machine does not allow it (only root may).
  static Result<std::shared_ptr<const NetworkNamespace>> make();
  // That of a process.
  static Result<std::shared_ptr<const NetworkNamespace>> of_process(int pid);

  explicit NetworkNamespace(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}
  // For setns(2).
  int descriptor() const { return descriptor_.get(); }
  // A TCP socket, non-blocking and closed on exec; negative, with errno set, when none can be made.
  int make_socket(int family) const;
  // One that listens on 127.0.0.1 and this port.
  Result<Descriptor> listen_on_loopback(std::uint16_t port) const;
  // A UDP socket that is bound to the same.
  Result<Descriptor> take_datagrams_on_loopback(std::uint16_t port) const;

 private:
  const Descriptor descriptor_;
};

}  // namespace tidemill::runtime
