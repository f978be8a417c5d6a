#include "server/descriptors.h"

#include <sys/resource.h>

#include <algorithm>

namespace tidemill::server {
namespace {

// Of no use beyond; some programs walk through all numbers up to their limit, and jobs inherit it.
constexpr rlim_t kDescriptorsMax = 1u << 17;
constexpr std::size_t kReserveMin = 256;
constexpr std::size_t kReserveDivisor = 4;
constexpr std::size_t kJobsDivisor = 4;         // of the clients'
constexpr std::size_t kCredentialsDivisor = 8;  // of all
constexpr std::size_t kCredentialsMax = 1024;
constexpr std::size_t kTunnelsMax = 256;
constexpr std::size_t kDescriptorsPerTunnel = 2;  // the client's and the other host's
constexpr std::size_t kTunnelsDivisor = 16;       // of all

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
  // Under a limit that leaves no such reserve, half and half.
  const std::size_t reserve =
      std::min(std::max(kReserveMin, descriptors / kReserveDivisor), descriptors / 2);
  return std::max<std::size_t>(1, std::min(wanted, descriptors - reserve));
}

ConnectionShares share_connections(std::size_t descriptors, std::size_t clients_wanted) {
  const std::size_t wanted = clients_wanted + clients_wanted / kJobsDivisor + kCredentialsMax +
                             kTunnelsMax * kDescriptorsPerTunnel;
  const std::size_t all = connections_within(descriptors, wanted);
  const auto at_least_one = [](std::size_t count) { return std::max<std::size_t>(1, count); };
  ConnectionShares shares;
  if (all == wanted) {
    shares.credentials = kCredentialsMax;
    shares.tunnels = kTunnelsMax;
    shares.clients = clients_wanted;
  } else {
    shares.credentials = at_least_one(std::min(kCredentialsMax, all / kCredentialsDivisor));
    shares.tunnels = at_least_one(std::min(kTunnelsMax, all / kTunnelsDivisor));
    const std::size_t held = shares.credentials + shares.tunnels * kDescriptorsPerTunnel;
    const std::size_t others = all - std::min(all, held);
    shares.clients =
        at_least_one(std::min(clients_wanted, others * kJobsDivisor / (kJobsDivisor + 1)));
  }
  shares.jobs = at_least_one(shares.clients / kJobsDivisor);
  return shares;
}

}  // namespace tidemill::server
