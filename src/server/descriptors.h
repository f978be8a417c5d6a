// The process's limit of open files, and how it is shared out.
#pragma once

#include <cstddef>

namespace tidemill::server {

// Raises the soft limit to the hard one, as far as it is of use; what it is then.
std::size_t raise_descriptor_limit();

// How many connections of clients `wanted` may be when so many descriptors are there: a quarter of
// them, 256 at least, stays for files, databases, jobs and connections to models.
std::size_t connections_within(std::size_t descriptors, std::size_t wanted);

// Who may have how many connections at once; together they are within the limit.
struct ConnectionShares {
  std::size_t clients = 0;      // the server's own address
  std::size_t jobs = 0;         // the doors in jobs' networks, all together
  std::size_t credentials = 0;  // the credentials' port, where there is one
  std::size_t tunnels = 0;      // to other hosts, each of which takes two descriptors
};
// A limit that allows all that is wanted gives `clients_wanted`, a quarter as many for jobs, 1,024
// for credentials and 256 tunnels; under another each has less.
ConnectionShares share_connections(std::size_t descriptors, std::size_t clients_wanted);

}  // namespace tidemill::server
