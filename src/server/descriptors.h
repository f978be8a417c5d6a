// The process's limit of open files, and how the server divides it.
#pragma once

#include <cstddef>

namespace tidemill::server {

// Raises the soft limit towards the hard one, as far as useful; returns the new limit.
std::size_t raise_descriptor_limit();

// How many of the `wanted` client connections fit into the descriptors: a quarter of these, at
// least 256, is reserved for files, databases, jobs and connections to models.
std::size_t connections_within(std::size_t descriptors, std::size_t wanted);

// The connection limits of each kind of caller; together they stay within the limit.
struct ConnectionShares {
  std::size_t clients = 0;      // at the server's own address
  std::size_t jobs = 0;         // at the doors in jobs' networks, all together
  std::size_t credentials = 0;  // at the credentials' port, if it is open
  std::size_t tunnels = 0;      // to other hosts; each takes two descriptors
  std::size_t names = 0;        // over TCP to the resolvers in jobs' networks, all together
  // Descriptors kept free for what listens in jobs' networks: five sockets in each.
  std::size_t job_listeners = 0;
};
// When the limit suffices: `clients_wanted`, a quarter as many for jobs, 1,024 for credentials, 256
// tunnels, 256 to resolvers and the listeners of 256 jobs; under a lower limit each share is
// smaller.
ConnectionShares share_connections(std::size_t descriptors, std::size_t clients_wanted);

}  // namespace tidemill::server
