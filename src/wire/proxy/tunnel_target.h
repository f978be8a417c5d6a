// Decides where a tunnel may lead.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace tidemill::wire {

// "pypi.org:443", "[2001:db8::1]:443"
struct Authority {
  std::string host;  // without brackets
  std::uint16_t port = 0;
};
// nullopt when the text is not HOST:PORT.
std::optional<Authority> parse_authority(std::string_view text);

// Why no tunnel leads to this IP address; nullopt when one may. Refused are this machine's own
// addresses, which callers on it reach without us and which may trust whoever connects from here,
// link-local ones and the metadata services of clouds, multicast, and what is no address of a host.
std::optional<std::string> tunnel_refusal(const std::string& ip_address);

}  // namespace tidemill::wire
