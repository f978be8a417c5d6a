// The process's limit of open files, and how it is shared out.
#pragma once

#include <cstddef>

namespace tidemill::server {

// Raises the soft limit to the hard one, as far as it is of use; what it is then.
std::size_t raise_descriptor_limit();

// How many connections of clients `wanted` may be when so many descriptors are there: a quarter of
// them, 256 at least, stays for files, databases, jobs and connections to models.
std::size_t connections_within(std::size_t descriptors, std::size_t wanted);

}  // namespace tidemill::server
