// Settings that every job gets besides those of its resource: how clients that call AWS's own host
// names reach this server (docs/transparent-mode.md), the only host in the network of an isolated
// job; and the job's own host name.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "compute/process/process_spec.h"

namespace tidemill::server {

// Adds the variables of transparent mode, except those that the job's environment already sets.
// Jobs without a door to this server, or in the host's network, are not changed. `tunnels`: whether
// the job gets tunnels to other hosts.
void add_transparent_mode(compute::ProcessSpec& job, const std::filesystem::path& data,
                          bool tunnels);

// Mounts the files for name resolution: /etc/hosts with the job's own name, and for an isolated job
// the resolver in its network. They lie in `<data>/names` and are written when they change. Where a
// file cannot be written the job keeps the machine's, and the log says so.
void add_names(compute::ProcessSpec& job, const std::filesystem::path& data);

// The machine's nsswitch.conf (nsswitch.conf(5)) with a changed line for hosts: only /etc/hosts and
// DNS, and no service of the machine that answers over a socket.
std::string without_host_services(std::string_view nsswitch);
// The machine's /etc/hosts plus the job's own name.
std::string with_job_name(std::string_view hosts);

}  // namespace tidemill::server
