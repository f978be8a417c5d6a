// What every job is told, besides what its resource says: how clients that call AWS's own host
// names reach this server (docs/transparent-mode.md), since in the network of an isolated job there
// is nothing else; and its own name.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "compute/compute.h"

namespace tidemill::server {

// The variables of transparent mode. Those that the job's own environment has already stay. A job
// without a door to this server, or in the host's network, is left as it is. `tunnels`: whether it
// gets tunnels to other hosts.
void add_transparent_mode(compute::JobSpec& job, const std::filesystem::path& data, bool tunnels);

// The files by which names are found: /etc/hosts with the job's own name, and for an isolated job
// the resolver in its network. They lie in `<data>/names` and are written when they have to change.
// Where a file cannot be written the job keeps the machine's, and the log says so.
void add_names(compute::JobSpec& job, const std::filesystem::path& data);

// The machine's nsswitch.conf (nsswitch.conf(5)), but for hosts: these are found in /etc/hosts and
// by DNS, and by no service of the machine that answers over a socket.
std::string without_host_services(std::string_view nsswitch);
// The machine's /etc/hosts, with the job's own name.
std::string with_job_name(std::string_view hosts);

}  // namespace tidemill::server
