// Tests of what surrounds a job: its files, environment, limits, network and address.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>

#include "base/descriptor.h"
#include "compute/conformance/driver_conformance.h"

namespace tidemill::compute {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

namespace fs = std::filesystem;

// Whether something accepts a connection there.
bool is_reachable(const Address& address) {
  if (!address.socket_path.empty()) {
    const Descriptor made(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    address.socket_path.copy(name.sun_path, sizeof name.sun_path - 1);
    return ::connect(made.get(), reinterpret_cast<sockaddr*>(&name), sizeof name) == 0;
  }
  const Descriptor made(address.network ? address.network->make_socket(AF_INET)
                                        : ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ::fcntl(made.get(), F_SETFL, 0);
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  name.sin_port = htons(address.port);
  return ::connect(made.get(), reinterpret_cast<sockaddr*>(&name), sizeof name) == 0;
}

// A server of this machine that is no job.
class Bystander {
 public:
  Bystander() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof name;
    ::bind(listener_.get(), reinterpret_cast<sockaddr*>(&name), size);
    ::listen(listener_.get(), 8);
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&name), &size);
    port_ = ntohs(name.sin_port);
  }
  std::uint16_t port() const { return port_; }

 private:
  Descriptor listener_;
  std::uint16_t port_ = 0;
};

constexpr std::uint16_t kPort = 8080;

JobSpec server_on_port(const std::string& id) {
  JobSpec spec;
  spec.id = id;
  spec.command = {"/usr/bin/python3", "-c",
                  "import socket, time\n"
                  "s = socket.socket(); s.bind(('127.0.0.1', 8080)); s.listen()\n"
                  "print('listens', flush=True); time.sleep(100)\n"};
  spec.working_directory = "/";
  spec.network = JobNetwork::isolated;
  return spec;
}

TEST_P(DriverConformance, TheEnvironmentIsTheSpecs) {
  ::setenv("TIDEMILL_SECRET_OF_THE_SERVER", "leak", 1);
  JobSpec spec = script("a", "");
  spec.command = {"/usr/bin/env"};
  spec.environment = {{"ONE", "1"}, {"HOME", "/tmp"}};
  spec.credentials = {{"TOKEN", "secret"}};
  run(spec);
  ::unsetenv("TIDEMILL_SECRET_OF_THE_SERVER");
  const std::vector<std::string> lines = listener_->lines("a");
  for (const char* expected : {"ONE=1", "HOME=/tmp", "TOKEN=secret"})
    EXPECT_THAT(lines, Contains(expected));
  EXPECT_THAT(lines, Not(Contains(HasSubstr("leak"))));
}

TEST_P(DriverConformance, VolumesGoInAndComeBack) {
  write("job/in", "deep/text", "hello");
  write("job/out", "kept", "before");
  JobSpec spec = script("a",
                        "cat /data/in/deep/text; echo; (echo x > /data/in/new) 2>/dev/null || echo "
                        "refused; mkdir -p made/deep; echo result > made/deep/file; cat kept");
  spec.volumes = {{"job/in", "/data/in", true}, {"job/out", "/data/out", false}};
  spec.working_directory = "/data/out";
  if (!driver_->isolation().mount_namespace) GTEST_SKIP() << driver_->isolation().explanation;
  EXPECT_EQ(run(spec).exit_code, 0) << listener_->wait_exit("a").reason;
  EXPECT_THAT(listener_->lines("a"), ElementsAre("hello", "refused", "before"));
  EXPECT_EQ(read("job/out", "made/deep/file"), "result\n");
  EXPECT_EQ(read("job/in", "new"), "");
  // The job's end leaves volumes; their removal takes those below along.
  ASSERT_TRUE(driver_->remove("a"));
  EXPECT_EQ(read("job/out", "kept"), "before");
  ASSERT_TRUE(driver_->volumes().remove("job"));
  EXPECT_FALSE(fs::exists(driver_->volumes().folder("job/out")));
  EXPECT_TRUE(driver_->volumes().remove("job"));
}

TEST_P(DriverConformance, JobsSeeVolumesWhereTheyAreTold) {
  // This holds even where the driver cannot show them at their destinations.
  write("model", "weights", "42");
  write("place", "", "");
  JobSpec spec =
      script("a",
             "cat \"$MODEL/weights\"; echo; cat \"${ROOT:-/opt/t}/model/weights\"; echo; "
             "cat model/weights; echo; echo x > written");
  spec.volumes = {{"place", "/opt/t", false, "ROOT"}, {"model", "/opt/t/model", true}};
  spec.environment = {{"MODEL", "/opt/t/model"}};
  spec.working_directory = "/opt/t";
  EXPECT_EQ(run(spec).exit_code, 0) << listener_->wait_exit("a").reason;
  EXPECT_THAT(listener_->lines("a"), ElementsAre("42", "42", "42"));
  EXPECT_EQ(read("place", "written"), "x\n");
  const std::string path = driver_->path_in_jobs("model", "/elsewhere");
  JobSpec other = script("b", "cat " + path + "/weights");
  other.volumes = {{"model", "/elsewhere", true}};
  EXPECT_EQ(run(other).exit_code, 0);
  EXPECT_THAT(listener_->lines("b"), ElementsAre("42"));
}

TEST_P(DriverConformance, NamesOfVolumesLeadNowhereElse) {
  for (const char* name : {"", "..", "a/../b", "/etc", "a//b", "./a", "a/"})
    EXPECT_EQ(driver_->volumes().make(name).error().code, codes::kInvalid) << name;
}

TEST_P(DriverConformance, LimitsHoldAndAreNamed) {
  const Isolation isolation = driver_->isolation();
  if (!isolation.memory_limit || !isolation.own_temporaries) GTEST_SKIP() << isolation.explanation;
  JobSpec memory = script("memory", "x=$(head -c 200000000 /dev/zero | tr '\\0' x); echo ${#x}");
  memory.resources.memory_bytes_max = 50u << 20;
  JobExit exit = run(memory);
  EXPECT_TRUE(exit.out_of_memory);
  EXPECT_NE(exit.exit_code, 0);
  JobSpec scratch = script("scratch",
                           "i=0; while :; do head -c 1000000 /dev/zero > /tmp/$i; i=$((i+1)); "
                           "sleep 0.01; done");
  scratch.resources.scratch_bytes_max = 24u << 20;
  exit = run(scratch);
  EXPECT_TRUE(exit.out_of_volume);
  EXPECT_FALSE(exit.out_of_memory);
  JobSpec forks = script("forks", "");
  forks.command = {"/usr/bin/python3", "-c",
                   "import os, time\n"
                   "made = 0\n"
                   "try:\n"
                   "    for _ in range(300):\n"
                   "        if os.fork() == 0: time.sleep(30); os._exit(0)\n"
                   "        made += 1\n"
                   "except BlockingIOError: print('refused', made < 60)\n"};
  forks.resources.processes_max = 60;
  run(forks);
  EXPECT_THAT(listener_->lines("forks"), ElementsAre("refused True"));
}

TEST_P(DriverConformance, AnIsolatedJobReachesNothingElse) {
  if (!driver_->isolation().network_namespace) {
    EXPECT_FALSE(driver_->prepare(server_on_port("a")));
    GTEST_SKIP() << driver_->isolation().explanation;
  }
  const Bystander bystander;
  const std::string tries = "(exec 5<>/dev/tcp/127.0.0.1/" + std::to_string(bystander.port()) +
                            ") 2>/dev/null && echo reached || echo nothing";
  JobSpec spec = script("a", tries);
  spec.command[0] = "/bin/bash";
  spec.network = JobNetwork::isolated;
  run(spec);
  EXPECT_THAT(listener_->lines("a"), ElementsAre("nothing"));
}

TEST_P(DriverConformance, TwoJobsServeOnOnePort) {
  if (!driver_->isolation().network_namespace) GTEST_SKIP() << driver_->isolation().explanation;
  for (const char* id : {"a", "b"}) ASSERT_TRUE(driver_->run(server_on_port(id)));
  for (const char* id : {"a", "b"}) listener_->wait_line(id, "listens");
  for (const char* id : {"a", "b"}) EXPECT_TRUE(is_reachable(driver_->address(id, kPort))) << id;
  ASSERT_TRUE(driver_->stop("a", seconds(0)));
  listener_->wait_exit("a");
  EXPECT_TRUE(is_reachable(driver_->address("b", kPort)));
  // A restarted server finds the way again.
  close();
  open();
  EXPECT_TRUE(is_reachable(driver_->address("b", kPort)));
  ASSERT_TRUE(driver_->stop("b", seconds(0)));
  listener_->wait_exit("b");
}

TEST_P(DriverConformance, OnlyItsOwnListenerIsTheJobs) {
  const Bystander bystander;
  ASSERT_TRUE(driver_->run(script("a", "echo ready; sleep 100")));
  listener_->wait_line("a", "ready");
  EXPECT_FALSE(driver_->listens("a", bystander.port()));
  EXPECT_FALSE(driver_->listens("unknown", bystander.port()));
  ASSERT_TRUE(driver_->stop("a", seconds(0)));
  listener_->wait_exit("a");
}

TEST_P(DriverConformance, ABoundSocketIsReachableOnceTheJobListens) {
  write("in", "", "");
  JobSpec spec = script("a", "");
  spec.command = {"/usr/bin/python3", "-c",
                  "import os, socket, time\n"
                  "print('ready', flush=True)\n"
                  "while not os.path.exists(os.environ['IN'] + '/go'): time.sleep(0.02)\n"
                  "s = socket.socket(fileno=int(os.environ['TIDEMILL_SOCKET_DESCRIPTOR']))\n"
                  "s.listen(); print('listens', flush=True); time.sleep(100)\n"};
  spec.environment = {{"IN", "/data/in"}};
  spec.volumes = {{"in", "/data/in", true}};
  spec.bound_socket = true;
  ASSERT_TRUE(driver_->run(spec));
  listener_->wait_line("a", "ready");
  EXPECT_FALSE(is_reachable(driver_->address("a", 0)));
  write("in", "go", "");
  listener_->wait_line("a", "listens");
  EXPECT_TRUE(is_reachable(driver_->address("a", 0)));
  ASSERT_TRUE(driver_->stop("a", seconds(0)));
  listener_->wait_exit("a");
  EXPECT_FALSE(is_reachable(driver_->address("a", 0)));
}

}  // namespace
}  // namespace tidemill::compute
