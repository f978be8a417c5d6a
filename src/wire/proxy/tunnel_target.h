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

// The reason why no tunnel may lead to this IP address; nullopt when one may. Refused: this
// machine's own addresses (local callers reach them without us, and they may trust this machine),
// link-local addresses, clouds' metadata services, multicast, and addresses of no host.
std::optional<std::string> tunnel_refusal(const std::string& ip_address);

}  // namespace tidemill::wire
