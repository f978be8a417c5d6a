#include "runtime/signals.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <system_error>

namespace tidemill::runtime {
namespace {

sigset_t stop_set() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGHUP);
  return set;
}

}  // namespace

StopSignals::StopSignals() {
  const sigset_t set = stop_set();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  signal_descriptor_ = signalfd(-1, &set, SFD_CLOEXEC);
  event_descriptor_ = eventfd(0, EFD_CLOEXEC);
  if (signal_descriptor_ < 0 || event_descriptor_ < 0)
    throw std::system_error(errno, std::generic_category(), "cannot watch signals");
}

StopSignals::~StopSignals() {
  close(signal_descriptor_);
  close(event_descriptor_);
}

int StopSignals::wait() {
  pollfd descriptors[] = {{signal_descriptor_, POLLIN, 0}, {event_descriptor_, POLLIN, 0}};
  while (poll(descriptors, 2, -1) < 0) {
    if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "poll");
  }
  if (descriptors[0].revents & POLLIN) {
    signalfd_siginfo information{};
    if (read(signal_descriptor_, &information, sizeof information) == sizeof information)
      return int(information.ssi_signo);
  }
  std::uint64_t count = 0;
  [[maybe_unused]] ssize_t ignored = read(event_descriptor_, &count, sizeof count);
  return 0;
}

void StopSignals::interrupt() {
  const std::uint64_t one = 1;
  [[maybe_unused]] ssize_t ignored = write(event_descriptor_, &one, sizeof one);
}

}  // namespace tidemill::runtime
