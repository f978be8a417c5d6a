#include "wire/proxy/tunnel_target.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace tidemill::wire {
namespace {

// In network order; IPv4 as ::ffff:a.b.c.d.
bool read_address(const std::string& text, in6_addr& out) {
  if (inet_pton(AF_INET6, text.c_str(), &out) == 1) return true;
  in_addr v4{};
  if (inet_pton(AF_INET, text.c_str(), &v4) != 1) return false;
  out = {};
  out.s6_addr[10] = out.s6_addr[11] = 0xff;
  std::memcpy(out.s6_addr + 12, &v4, sizeof v4);
  return true;
}

bool starts_with(const in6_addr& address, std::initializer_list<unsigned char> prefix) {
  return std::equal(prefix.begin(), prefix.end(), address.s6_addr);
}

// The embedded IPv4 address: mapped, or with NAT64's well-known prefix (RFC 6052).
std::optional<std::uint32_t> inner_v4(const in6_addr& address) {
  const bool mapped = IN6_IS_ADDR_V4MAPPED(&address);
  const bool translated = starts_with(address, {0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0});
  const bool compatible = IN6_IS_ADDR_V4COMPAT(&address);
  if (!mapped && !translated && !compatible) return std::nullopt;
  std::uint32_t v4 = 0;
  std::memcpy(&v4, address.s6_addr + 12, sizeof v4);
  return ntohl(v4);
}

std::optional<std::string> refusal_of_v4(std::uint32_t address) {
  auto below = [address](std::uint32_t network, int bits) {
    return (address >> (32 - bits)) == (network >> (32 - bits));
  };
  if (below(0x7f000000, 8)) return "a loopback address";
  if (below(0, 8)) return "not the address of a host";
  if (below(0xa9fe0000, 16)) return "a link-local address";
  // Alibaba's and Azure's metadata services; those of other clouds are link-local.
  if (address == 0x646464c8 || address == 0xa83f8110) return "a metadata service";
  if (below(0xe0000000, 3)) return "not the address of a host";
  return std::nullopt;
}

bool is_own_address(const in6_addr& address) {
  ifaddrs* first = nullptr;
  if (getifaddrs(&first) != 0) return true;
  bool found = false;
  for (const ifaddrs* one = first; one && !found; one = one->ifa_next) {
    if (!one->ifa_addr) continue;
    in6_addr own{};
    if (one->ifa_addr->sa_family == AF_INET6) {
      own = reinterpret_cast<const sockaddr_in6*>(one->ifa_addr)->sin6_addr;
    } else if (one->ifa_addr->sa_family == AF_INET) {
      own.s6_addr[10] = own.s6_addr[11] = 0xff;
      std::memcpy(own.s6_addr + 12, &reinterpret_cast<const sockaddr_in*>(one->ifa_addr)->sin_addr,
                  4);
    } else {
      continue;
    }
    found = std::memcmp(&own, &address, sizeof own) == 0;
  }
  freeifaddrs(first);
  return found;
}

}  // namespace

std::optional<Authority> parse_authority(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == text.npos || colon == 0) return std::nullopt;
  Authority authority;
  const std::string_view digits = text.substr(colon + 1);
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), authority.port);
  if (error != std::errc() || end != digits.data() + digits.size() || authority.port == 0)
    return std::nullopt;
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') != host.ends_with(']')) return std::nullopt;
  if (host.starts_with('[')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != host.npos) {
    return std::nullopt;
  }
  if (host.empty() || host.find('@') != host.npos || host.find('%') != host.npos)
    return std::nullopt;
  authority.host = std::string(host);
  return authority;
}

std::optional<std::string> tunnel_refusal(const std::string& ip_address) {
  in6_addr address{};
  if (!read_address(ip_address, address)) return "no IP address";
  if (IN6_IS_ADDR_LOOPBACK(&address)) return "a loopback address";
  if (IN6_IS_ADDR_UNSPECIFIED(&address) || IN6_IS_ADDR_MULTICAST(&address))
    return "not the address of a host";
  if (IN6_IS_ADDR_LINKLOCAL(&address)) return "a link-local address";
  if (starts_with(address, {0xfd, 0, 0x0e, 0xc2})) return "a metadata service";
  if (const std::optional<std::uint32_t> v4 = inner_v4(address))
    if (std::optional<std::string> refusal = refusal_of_v4(*v4)) return refusal;
  if (is_own_address(address)) return "an address of the machine that the server runs on";
  return std::nullopt;
}

}  // namespace tidemill::wire
