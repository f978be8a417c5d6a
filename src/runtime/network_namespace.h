// A Linux network namespace (network_namespaces(7)), held by a descriptor, and sockets in it that
// are used from outside: a socket always belongs to the namespace where it was made, whichever
// process holds it.
#pragma once

#include <cstdint>
#include <memory>

#include "base/descriptor.h"
#include "base/error.h"

namespace tidemill::runtime {

// Thread-safe. Each function moves the calling thread into the namespace and back, in about ten
// microseconds; other threads are not affected.
class NetworkNamespace {
 public:
  // Makes a namespace with only the loopback interface, which is up. Takes half a millisecond.
  // Tidemill.Io, with the reason, when the machine does not allow it (it needs root).
  static Result<std::shared_ptr<const NetworkNamespace>> make();
  // The network namespace of process `pid`.
  static Result<std::shared_ptr<const NetworkNamespace>> of_process(int pid);

  explicit NetworkNamespace(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}
  // For setns(2).
  int descriptor() const { return descriptor_.get(); }
  // A non-blocking, close-on-exec TCP socket; negative, with errno set, on failure.
  int make_socket(int family) const;
  // A TCP socket that listens on 127.0.0.1 and this port.
  Result<Descriptor> listen_on_loopback(std::uint16_t port) const;
  // A UDP socket that is bound to 127.0.0.1 and this port.
  Result<Descriptor> take_datagrams_on_loopback(std::uint16_t port) const;

 private:
  const Descriptor descriptor_;
};

}  // namespace tidemill::runtime
