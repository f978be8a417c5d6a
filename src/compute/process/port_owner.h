// Which processes listen on a port of the loopback interface, by /proc: where jobs share a network,
// any of them may have taken a port that was meant for another.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tidemill::compute {

// The inodes of the sockets that a connection to 127.0.0.1 and this port may reach, in the text of
// /proc/net/tcp or /proc/net/tcp6 (proc_net_tcp(5)).
std::vector<std::string> listening_inodes(std::string_view table, std::uint16_t port);

// True when somebody listens there in the network of `pid`, and every one of them is a descendant
// of `pid`.
bool descendants_listen(int pid, std::uint16_t port);

}  // namespace tidemill::compute
