#include "compute/process/job_network.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"

namespace tidemill::compute {

Result<void> enter_network(int descriptor) {
  if (::setns(descriptor, CLONE_NEWNET) != 0) return fail(system_error("enter the job's network"));
  ::close(descriptor);
  return {};
}

Result<Descriptor> bind_job_socket(const JobFiles& files) {
  // Uses the folder's descriptor, because the kernel limits socket names to 107 bytes.
  Descriptor folder(::open(files.directory().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  Descriptor made(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!folder || !made) return fail(system_error("make the job's socket"));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = "/proc/self/fd/" + std::to_string(folder.get()) + "/socket";
  name.copy(address.sun_path, sizeof address.sun_path - 1);
  const mode_t before = ::umask(0177);
  const int bound = ::bind(made.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  ::umask(before);
  if (bound != 0) return fail(system_error("bind " + files.socket()));
  return made;
}

Result<void> JobNetworks::open_door(const ProcessSpec& spec,
                                    const runtime::NetworkNamespace& network) {
  if (spec.server_port == 0 || !doors_) return {};
  return doors_->open(spec.id, network, spec.server_port);
}

Result<std::shared_ptr<const runtime::NetworkNamespace>> JobNetworks::make(
    const ProcessSpec& spec) {
  Result<std::shared_ptr<const runtime::NetworkNamespace>> made = runtime::NetworkNamespace::make();
  if (!made)
    return fail(codes::kInvalid,
                "This machine does not allow separate networks for jobs: " + made.error().message);
  TRY(open_door(spec, **made));
  std::lock_guard lock(mutex_);
  networks_[spec.id] = *made;
  return made;
}

void JobNetworks::adopt(const ProcessSpec& spec, const ShimState& shim) {
  if (spec.network != JobNetwork::isolated) return;
  auto found = runtime::NetworkNamespace::of_process(shim.pid);
  // Checked afterwards: meanwhile the pid may have become another process's.
  if (!found || process_start_ticks(shim.pid) != shim.start_ticks) return;
  // Without a server the job's own code may listen on the port, which only harms the job itself.
  if (Result<void> opened = open_door(spec, **found); !opened)
    log::warning("a job cannot reach the server any more",
                 {{"job", spec.id}, {"reason", opened.error().message}});
  std::lock_guard lock(mutex_);
  networks_[spec.id] = *found;
}

void JobNetworks::drop(const std::string& job) {
  if (doors_) doors_->close(job);
  std::lock_guard lock(mutex_);
  networks_.erase(job);
}

std::shared_ptr<const runtime::NetworkNamespace> JobNetworks::find(const std::string& job) {
  std::lock_guard lock(mutex_);
  const auto found = networks_.find(job);
  return found == networks_.end() ? nullptr : found->second;
}

void JobNetworks::job_exited(const std::string& id, const JobExit& exit) {
  drop(id);
  listener_->job_exited(id, exit);
}

bool JobNetworks::job_logged(const std::string& id, const std::vector<LogLine>& lines) {
  return listener_->job_logged(id, lines);
}

}  // namespace tidemill::compute
