#include "server/descriptors.h"

#include <sys/resource.h>

#include <algorithm>

namespace tidemill::server {
namespace {

// More is of no use: some programs loop over all numbers up to the limit, and jobs inherit it.
constexpr rlim_t kDescriptorsMax = 1u << 17;
constexpr std::size_t kReserveMin = 256;
constexpr std::size_t kReserveDivisor = 4;
constexpr std::size_t kJobsDivisor = 4;         // of the clients' share
constexpr std::size_t kCredentialsDivisor = 8;  // of all connections
constexpr std::size_t kCredentialsMax = 1024;
constexpr std::size_t kTunnelsMax = 256;
constexpr std::size_t kDescriptorsPerTunnel = 2;  // the client's and the other host's
constexpr std::size_t kTunnelsDivisor = 16;       // of all connections
constexpr std::size_t kNamesMax = 256;
constexpr std::size_t kNamesDivisor = 32;  // of all connections
// Ports 80 and 443, the server's own, and port 53 for datagrams and for connections.
constexpr std::size_t kListenersPerJob = 5;
constexpr std::size_t kJobListenersMax = 256 * kListenersPerJob;
constexpr std::size_t kJobListenersDivisor = 16;  // of all connections

}  // namespace

std::size_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return kReserveMin * kReserveDivisor;
  const rlim_t wanted = std::min(limit.rlim_max, kDescriptorsMax);
  if (limit.rlim_cur < wanted) {
    rlimit raised{wanted, limit.rlim_max};
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  }
  return std::size_t(std::min(limit.rlim_cur, kDescriptorsMax));
}

std::size_t connections_within(std::size_t descriptors, std::size_t wanted) {
  // When the limit is too low for this reserve, split it in half.
  const std::size_t reserve =
      std::min(std::max(kReserveMin, descriptors / kReserveDivisor), descriptors / 2);
  return std::max<std::size_t>(1, std::min(wanted, descriptors - reserve));
}

ConnectionShares share_connections(std::size_t descriptors, std::size_t clients_wanted) {
  const std::size_t wanted = clients_wanted + clients_wanted / kJobsDivisor + kCredentialsMax +
                             kTunnelsMax * kDescriptorsPerTunnel + kNamesMax + kJobListenersMax;
  const std::size_t all = connections_within(descriptors, wanted);
  const auto at_least_one = [](std::size_t count) { return std::max<std::size_t>(1, count); };
  ConnectionShares shares;
  if (all == wanted) {
    shares.credentials = kCredentialsMax;
    shares.tunnels = kTunnelsMax;
    shares.names = kNamesMax;
    shares.job_listeners = kJobListenersMax;
    shares.clients = clients_wanted;
  } else {
    shares.credentials = at_least_one(std::min(kCredentialsMax, all / kCredentialsDivisor));
    shares.tunnels = at_least_one(std::min(kTunnelsMax, all / kTunnelsDivisor));
    shares.names = at_least_one(std::min(kNamesMax, all / kNamesDivisor));
    shares.job_listeners = std::min(kJobListenersMax, all / kJobListenersDivisor);
    const std::size_t held = shares.credentials + shares.tunnels * kDescriptorsPerTunnel +
                             shares.names + shares.job_listeners;
    const std::size_t others = all - std::min(all, held);
    shares.clients =
        at_least_one(std::min(clients_wanted, others * kJobsDivisor / (kJobsDivisor + 1)));
  }
  shares.jobs = at_least_one(shares.clients / kJobsDivisor);
  return shares;
}

}  // namespace tidemill::server
