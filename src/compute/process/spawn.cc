#include "compute/process/spawn.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "compute/process/shim.h"

namespace tidemill::compute {

namespace {

// The spawn actions and attributes, freed on every way out.
struct SpawnSettings {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  SpawnSettings() {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  ~SpawnSettings() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }
};

void fill(SpawnSettings& settings, int lock, int answer, int network) {
  ::posix_spawn_file_actions_addopen(&settings.actions, 0, "/dev/null", O_RDONLY, 0);
  // Standard output and error stay the server's during the set-up, then are closed: a shim outlives
  // the server and must not keep its terminal or pipe open.
  ::posix_spawn_file_actions_addopen(&settings.actions, 1, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_addopen(&settings.actions, 2, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_adddup2(&settings.actions, lock, kShimLockDescriptor);
  ::posix_spawn_file_actions_adddup2(&settings.actions, answer, kShimAnswerDescriptor);
  int kept = kShimAnswerDescriptor;
  if (network >= 0)
    ::posix_spawn_file_actions_adddup2(&settings.actions, network, kept = kShimNetworkDescriptor);
  ::posix_spawn_file_actions_addclosefrom_np(&settings.actions, kept + 1);
  sigset_t none, all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawnattr_setsigmask(&settings.attributes, &none);
  ::posix_spawnattr_setsigdefault(&settings.attributes, &all);
  ::posix_spawnattr_setflags(&settings.attributes,
                             POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
}

}  // namespace

Result<SpawnedShim> spawn_shim(const std::vector<std::string>& command,
                               const std::vector<std::string>& arguments, const Descriptor& lock,
                               int network) {
  int answer[2];
  if (::pipe2(answer, O_CLOEXEC) != 0) return fail(system_error("make a pipe"));
  Descriptor read_end(answer[0]), write_end(answer[1]);
  // Above the numbers that they get in the shim.
  constexpr int kFirstFree = 16;
  Descriptor lock_copy(::fcntl(lock.get(), F_DUPFD_CLOEXEC, kFirstFree));
  Descriptor answer_copy(::fcntl(write_end.get(), F_DUPFD_CLOEXEC, kFirstFree));
  Descriptor network_copy(network < 0 ? -1 : ::fcntl(network, F_DUPFD_CLOEXEC, kFirstFree));
  if (!lock_copy || !answer_copy || (network >= 0 && !network_copy))
    return fail(system_error("duplicate a descriptor"));
  write_end.reset();

  SpawnSettings settings;
  fill(settings, lock_copy.get(), answer_copy.get(), network_copy.get());
  std::vector<std::string> texts = command;
  texts.insert(texts.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  argv.reserve(texts.size() + 1);
  for (std::string& text : texts) argv.push_back(text.data());
  argv.push_back(nullptr);
  // The shim does not need the server's environment, which may hold secrets.
  char* environment[] = {nullptr};
  SpawnedShim spawned;
  if (int problem = ::posix_spawn(&spawned.pid, argv[0], &settings.actions, &settings.attributes,
                                  argv.data(), environment)) {
    errno = problem;
    return fail(system_error("start " + texts[0]));
  }
  answer_copy.reset();
  char buffer[4096];
  constexpr int kAnswerMilliseconds = 60'000;  // preparing large mounts takes a while
  pollfd readable{read_end.get(), POLLIN, 0};
  for (;;) {
    if (::poll(&readable, 1, kAnswerMilliseconds) == 0) {
      ::kill(spawned.pid, SIGKILL);
      ::waitpid(spawned.pid, nullptr, 0);
      return fail(codes::kTimeout, "the job's supervising process does not answer");
    }
    const ssize_t count = ::read(read_end.get(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    spawned.answer.append(buffer, static_cast<std::size_t>(count));
    if (spawned.answer.ends_with('\n')) break;
  }
  if (spawned.answer.ends_with('\n')) spawned.answer.pop_back();
  return spawned;
}

Result<Descriptor> take_lock(const JobFiles& files) {
  Descriptor lock(::open(files.lock().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock) return fail(system_error("open " + files.lock()));
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno == EWOULDBLOCK) return fail(codes::kConflict, "the job's shim is alive");
  return fail(system_error("lock " + files.lock()));
}

}  // namespace tidemill::compute
