// Jobs that attack their surroundings.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <set>
#include <string>

#include "base/file_tree.h"
#include "compute/process/cgroup.h"
#include "compute/process/job_files.h"
#include "compute/process/test_fixture.h"

namespace tidemill::compute {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class ContainmentTest : public ProcessComputeTest {
 protected:
  void SetUp() override {
    ProcessComputeTest::SetUp();
    if (!compute_->isolation().own_processes) GTEST_SKIP() << compute_->isolation().explanation;
  }
  static JobSpec python(const std::string& id, const std::string& text) {
    JobSpec spec = script(id, "");
    spec.command = {"/usr/bin/python3", "-c", text};
    return spec;
  }
};

TEST_F(ContainmentTest, SeesAndSignalsNoProcessButItsOwn) {
  ASSERT_TRUE(compute_->run(script("other", "echo ready; sleep 60; : secret-argument")));
  listener_.wait_line("other", "ready");
  run(script("a",
             "cat /proc/*/cmdline | tr '\\0' ' ' | grep -c secret-argument; "
             "ls /proc | grep -c '^[0-9]'; kill -0 1 2>/dev/null || echo no"));
  // This job's own shell has the word, too; the processes are: the shell, ls, grep.
  const std::vector<std::string> lines = listener_.lines("a");
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_LE(std::stoi(lines[1]), 4);
  EXPECT_EQ(lines[2], "no");
  run(script("b", "cat /proc/*/cmdline | tr '\\0' ' ' | grep -o 'sleep 60'; echo looked"));
  EXPECT_EQ(listener_.lines("b").back(), "looked");
  EXPECT_THAT(listener_.lines("b"), Not(Contains("sleep 60 ; : secret-argument")));
  ASSERT_TRUE(compute_->stop("other", seconds(0)));
  listener_.wait_exit("other");
}

TEST_F(ContainmentTest, TemporaryFilesAreItsOwnAndGo) {
  const std::string name = "tidemill-containment-" + std::to_string(::getpid());
  ASSERT_TRUE(compute_->run(script("a", "for d in /tmp /var/tmp /dev/shm; do echo x > $d/" + name +
                                            " || echo refused $d; done; echo ready; sleep 60")));
  listener_.wait_line("a", "ready");
  run(script("b", "ls /tmp /var/tmp /dev/shm"));
  EXPECT_THAT(listener_.lines("a"), ElementsAre("ready"));
  EXPECT_THAT(listener_.lines("b"), Not(Contains(name)));
  for (const char* folder : {"/tmp/", "/var/tmp/", "/dev/shm/"})
    EXPECT_FALSE(fs::exists(folder + name)) << folder;
  ASSERT_TRUE(compute_->stop("a", seconds(0)));
  listener_.wait_exit("a");
  EXPECT_FALSE(fs::exists(directory_ / "jobs/a/tmp"));
}

TEST_F(ContainmentTest, WritesToNothingOfTheHost) {
  const fs::path open = make_folder("open");
  ::chmod(open.c_str(), 0777);
  ::chmod("/tmp", 01777);
  JobSpec spec = script("a",
                        "(echo x > /seen/f) 2>/dev/null || echo refused; "
                        "(echo x > /run/lock/tidemill) 2>/dev/null || echo refused; "
                        "echo x > /dev/null && echo null");
  spec.volumes = {{"open", "/seen", true}};
  run(spec);
  EXPECT_THAT(listener_.lines("a"), ElementsAre("refused", "refused", "null"));
}

TEST_F(ContainmentTest, ForksAreBounded) {
  JobSpec spec = python("a", R"(
import os, time
made = 0
try:
    for _ in range(500):
        if os.fork() == 0:
            time.sleep(30); os._exit(0)
        made += 1
except BlockingIOError:
    print("stopped", made < 100))");
  spec.resources.processes_max = 100;
  run(spec);
  EXPECT_THAT(listener_.lines("a"), ElementsAre("stopped True"));
}

TEST_F(ContainmentTest, DangerousSystemCallsAreRefused) {
  run(python("a", R"(
import ctypes, errno, os, socket
libc = ctypes.CDLL(None, use_errno=True)
def tried(name, *arguments):
    answer = libc.syscall(*[ctypes.c_long(a) for a in arguments])
    print(name, errno.errorcode.get(ctypes.get_errno(), 0) if answer < 0 else "worked")
tried("unshare user", 272, 0x10000000)
tried("unshare mounts", 272, 0x20000)
tried("clone user", 56, 0x10000000 | 17, 0, 0, 0, 0)
tried("clone3", 435, 0, 0)
tried("ptrace", 101, 16, 1, 0, 0)
tried("keyctl", 250, 0, 0)
tried("bpf", 321, 0, 0, 0)
tried("userfaultfd", 323, 0)
tried("io_uring", 425, 1, 0)
tried("setns", 308, 0, 0)
for family in (socket.AF_VSOCK, socket.AF_ALG, socket.AF_PACKET):
    try: socket.socket(family, socket.SOCK_SEQPACKET if family != socket.AF_PACKET else socket.SOCK_RAW)
    except OSError as error: print(family.name, errno.errorcode[error.errno])
socket.socketpair(); socket.socket(socket.AF_INET6); print("sockets")
)"));
  EXPECT_THAT(
      listener_.lines("a"),
      ElementsAre("unshare user EPERM", "unshare mounts EPERM", "clone user EPERM", "clone3 ENOSYS",
                  "ptrace EPERM", "keyctl EPERM", "bpf EPERM", "userfaultfd EPERM",
                  "io_uring ENOSYS", "setns EPERM", "AF_VSOCK EAFNOSUPPORT", "AF_ALG EAFNOSUPPORT",
                  "AF_PACKET EAFNOSUPPORT", "sockets"));
}

TEST_F(ContainmentTest, NoCoreDumpsNoPrivilegesBoundedFiles) {
  run(script("a",
             "ulimit -c; ulimit -Hn; grep -E '^(NoNewPrivs|CapEff|Seccomp):' "
             "/proc/self/status | tr -d '\\t'"));
  EXPECT_THAT(
      listener_.lines("a"),
      ElementsAre("0",
                  ::testing::ResultOf([](const std::string& files) { return std::stoi(files); },
                                      ::testing::Le(65536)),
                  "CapEff:0000000000000000", "NoNewPrivs:1", "Seccomp:2"));
}

TEST_F(ContainmentTest, WhatFillsSharedMemoryEndsByTheJobsLimitAndIsFreed) {
  JobSpec spec = script("a", "head -c 400000000 /dev/zero > /dev/shm/x; echo wrote; sleep 0.1");
  spec.resources.memory_bytes_max = 64u << 20;
  JobExit exit = run(spec);
  EXPECT_TRUE(exit.out_of_memory || exit.exit_code != 0 || !listener_.lines("a").empty());
  run(script("b", "ls /dev/shm | wc -l"));
  EXPECT_THAT(listener_.lines("b"), ElementsAre("0"));
}

TEST_F(ContainmentTest, SystemVMemoryIsItsOwn) {
  run(script("a", "ipcmk -M 1048576 > /dev/null && ipcs -m | grep -c 1048576"));
  EXPECT_THAT(listener_.lines("a"), ElementsAre("1"));
  run(script("b", "ipcs -m | grep -c 1048576"));
  EXPECT_THAT(listener_.lines("b"), ElementsAre("0"));
}

TEST_F(ContainmentTest, WhenTheShimIsKilledDaemonsEndToo) {
  ASSERT_TRUE(compute_->run(script(
      "a",
      "setsid sh -c 'while :; do sleep 1; done' marker-of-the-daemon & echo ready; sleep 60")));
  listener_.wait_line("a", "ready");
  auto state = read_record<ShimState>(JobFiles(directory_ / "jobs" / "a").shim());
  ASSERT_TRUE(state);
  ::kill(state->pid, SIGKILL);
  listener_.wait_exit("a");
  for (int round = 0; round < 200 && runs_somewhere("marker-of-the-daemon"); ++round)
    ::usleep(10'000);
  EXPECT_FALSE(runs_somewhere("marker-of-the-daemon"));
}

constexpr std::uint64_t kVolumeBytes = 24u << 20;

TEST_F(ContainmentTest, WhoOutgrowsTheVolumeIsEnded) {
  const fs::path folder = make_folder("volume");
  JobSpec spec = script("a",
                        "i=0; while :; do head -c 1000000 /dev/zero > /data/$i; "
                        "i=$((i+1)); sleep 0.01; done");
  spec.volumes = {{"volume", "/data"}};
  spec.resources.scratch_bytes_max = kVolumeBytes;
  const JobExit exit = run(spec);
  EXPECT_TRUE(exit.out_of_volume);
  EXPECT_EQ(exit.signal, SIGKILL);
  // How much gets written between two measurements, at this job's speed.
  std::uint64_t bytes = 0;
  for (const auto& entry : fs::directory_iterator(folder)) bytes += entry.file_size();
  EXPECT_LT(bytes, 8 * kVolumeBytes);
}

TEST_F(ContainmentTest, DeletedFilesAndTemporaryOnesCount) {
  JobSpec spec = python("deleted", R"(
import os, time
files = []
while True:
    files.append(open("/tmp/x", "wb")); os.unlink("/tmp/x")
    files[-1].write(b"x" * 1000000); files[-1].flush(); time.sleep(0.01)
)");
  spec.resources.scratch_bytes_max = kVolumeBytes;
  EXPECT_TRUE(run(spec).out_of_volume);
  spec.id = "mapped";
  spec.command[2] = R"(
import mmap, os, time
maps = []
while True:
    with open("/var/tmp/x", "w+b") as file:
        os.unlink("/var/tmp/x"); file.truncate(1000000)
        maps.append(mmap.mmap(file.fileno(), 1000000)); maps[-1][:] = b"x" * 1000000
    time.sleep(0.01)
)";
  EXPECT_TRUE(run(spec).out_of_volume);
}

TEST_F(ContainmentTest, NoFileIsLargerThanTheVolume) {
  JobSpec spec = python("a", R"(
import errno
try: open("/tmp/sparse", "wb").truncate(10**12)
except OSError as error: print(errno.errorcode[error.errno])
)");
  spec.resources.scratch_bytes_max = kVolumeBytes;
  EXPECT_EQ(run(spec).exit_code, 0);
  EXPECT_THAT(listener_.lines("a"), ElementsAre("EFBIG"));
}

TEST_F(ContainmentTest, FoldersOfAnyDepthAreGivenToTheUserAndRemoved) {
  const fs::path folder = make_folder("deep");
  JobSpec spec = python("a", R"(
import os
for root in ("/data", "/tmp"):
    os.chdir(root)
    for _ in range(3000): os.mkdir("ab"); os.chdir("ab")
print("made")
)");
  spec.volumes = {{"deep", "/data"}};
  spec.resources.scratch_bytes_max = kVolumeBytes * 8;
  EXPECT_EQ(run(spec).exit_code, 0);
  EXPECT_FALSE(fs::exists(directory_ / "jobs/a/tmp"));
  spec.id = "b";
  spec.command[2] = "print('ran')";
  EXPECT_EQ(run(spec).exit_code, 0) << listener_.wait_exit("b").reason;
  EXPECT_TRUE(compute_->remove("a"));
  EXPECT_TRUE(remove_tree(folder));
}

TEST_F(ContainmentTest, NeverTwoJobsWithOneUser) {
  std::set<std::string> users;
  for (int i = 0; i < 12; ++i) {
    const std::string id = "job-" + std::to_string(i);
    run(script(id, "id -u"));
    users.insert(listener_.lines(id).at(0));
    if (i == 5) {
      compute_->stop_watching();
      compute_.reset();
      open();
    }
  }
  EXPECT_EQ(users.size(), 12u);
}

}  // namespace
}  // namespace tidemill::compute
