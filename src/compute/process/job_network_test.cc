// Isolated jobs, and sockets that jobs inherit.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/test_eventually.h"
#include "compute/process/job_files.h"
#include "compute/process/test_fixture.h"

namespace tidemill::compute {
namespace {

using ::testing::ElementsAre;

constexpr std::uint16_t kDoorPort = 4566;

// Keeps the doors and answers no requests.
class KeptDoors final : public JobDoors {
 public:
  Result<void> open(const std::string& job, const runtime::NetworkNamespace& network,
                    std::uint16_t port) override {
    std::lock_guard lock(mutex_);
    doors_.erase(job);  // the port may be this door's own
    doors_[job] = TRY(network.listen_on_loopback(port));
    return {};
  }
  void close(const std::string& job) override {
    std::lock_guard lock(mutex_);
    doors_.erase(job);
  }
  bool is_open(const std::string& job) {
    std::lock_guard lock(mutex_);
    return doors_.contains(job);
  }
  // A connection reached the door.
  bool accepts(const std::string& job) {
    std::lock_guard lock(mutex_);
    return Descriptor(::accept(doors_.at(job).get(), nullptr, nullptr)).get() >= 0;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, Descriptor> doors_;
};

// Listens on a port of this machine's loopback interface.
class Bystander {
 public:
  Bystander() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    ::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
    ::listen(listener_.get(), 4);
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
  }
  std::string port() const { return std::to_string(port_); }

 private:
  Descriptor listener_;
  std::uint16_t port_ = 0;
};

class JobNetworkTest : public ProcessComputeTest {
 protected:
  void SetUp() override {
    ProcessComputeTest::SetUp();
    if (!compute_->isolation().network_namespace) GTEST_SKIP() << compute_->isolation().explanation;
    compute_->serve_through(doors_);
  }
  static JobSpec isolated(const std::string& id, const std::string& text) {
    JobSpec spec = script(id, text);
    spec.command[0] = "/bin/bash";
    spec.network = JobNetwork::isolated;
    return spec;
  }
  // Says whether a connection could be made.
  static std::string tries(const std::string& port) {
    return "(exec 5<>/dev/tcp/127.0.0.1/" + port + ") 2>/dev/null && echo reached " + port +
           " || echo nothing at " + port + "; ";
  }
  void restart() {
    compute_->stop_watching();
    auto made = make_process_driver(options_in(directory_), clock_);
    ASSERT_TRUE(made);
    compute_ = *std::move(made);
    compute_->serve_through(doors_);
    ASSERT_TRUE(compute_->adopt(listener_));
  }
  KeptDoors doors_;
};

TEST_F(JobNetworkTest, AnIsolatedJobReachesNothingOfThisMachine) {
  const Bystander bystander;
  EXPECT_EQ(run(isolated("a", tries(bystander.port()) + "cut -d: -f1 /proc/net/dev | tail -n +3"))
                .exit_code,
            0);
  std::vector<std::string> lines = listener_.lines("a");
  for (std::string& line : lines) line.erase(0, line.find_first_not_of(' '));
  EXPECT_THAT(lines, ElementsAre("nothing at " + bystander.port(), "lo"));
  JobSpec open = isolated("b", tries(bystander.port()));
  open.network = JobNetwork::host;
  run(open);
  EXPECT_THAT(listener_.lines("b"), ElementsAre("reached " + bystander.port()));
  EXPECT_EQ(compute_->address("b", 8080).network, nullptr);
}

TEST_F(JobNetworkTest, TheDoorIsThereFromTheStartAndGoesWithTheJob) {
  JobSpec spec = isolated("a", tries("4566") + "read -t 20 line <> <(:)");
  spec.server_port = kDoorPort;
  ASSERT_TRUE(compute_->run(spec));
  listener_.wait_line("a", "reached 4566");
  EXPECT_TRUE(doors_.accepts("a"));
  EXPECT_NE(compute_->address("a", 8080).network, nullptr);
  EXPECT_EQ(compute_->address("a", 8080).network, compute_->address("a", 8080).network);
  ASSERT_TRUE(compute_->stop("a", seconds(0)));
  listener_.wait_exit("a");
  EXPECT_FALSE(doors_.is_open("a"));
  EXPECT_EQ(compute_->address("a", 8080).network, nullptr);
}

TEST_F(JobNetworkTest, WithoutAServerPortThereIsNoDoor) {
  run(isolated("a", tries("4566")));
  EXPECT_FALSE(doors_.is_open("a"));
  EXPECT_THAT(listener_.lines("a"), ElementsAre("nothing at 4566"));
}

TEST_F(JobNetworkTest, ARestartedServerOpensTheDoorAgain) {
  const fs::path folder = make_folder("shared");
  JobSpec spec = isolated(
      "a", "until [ -e " + (folder / "go").string() + " ]; do sleep 0.01; done; " + tries("4566"));
  spec.server_port = kDoorPort;
  spec.volumes = {{"shared", folder, true}};  // the job's /tmp is its own
  ASSERT_TRUE(compute_->run(spec));
  doors_.close("a");  // as if the server had ended
  restart();
  EXPECT_TRUE(doors_.is_open("a"));
  std::filesystem::create_directory(folder / "go");
  listener_.wait_line("a", "reached 4566");
}

TEST_F(JobNetworkTest, TwoJobsHaveTheSamePortForThemselves) {
  const std::string listen =
      "exec python3 -c 'import socket; s = socket.socket(); s.bind((\"127.0.0.1\", 8080)); "
      "s.listen(); print(\"listens\", flush=True); s.accept()'";
  for (const char* id : {"a", "b"}) ASSERT_TRUE(compute_->run(isolated(id, listen)));
  for (const char* id : {"a", "b"}) listener_.wait_line(id, "listens");
  const Descriptor inside(compute_->address("a", 8080).network->make_socket(AF_INET));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(8080);
  ::fcntl(inside.get(), F_SETFL, 0);
  EXPECT_EQ(::connect(inside.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(listener_.wait_exit("a").exit_code, 0);
  EXPECT_NE(compute_->address("b", 8080).network, nullptr);
  ASSERT_TRUE(compute_->stop("b", seconds(0)));
  listener_.wait_exit("b");
}

int connect_to(const std::string& path) {
  const Descriptor made(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  return ::connect(made.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 ? 0
                                                                                           : errno;
}

TEST_F(ProcessComputeTest, AJobInheritsASocketThatItsFolderDoesNotHold) {
  const fs::path folder = make_folder("shared");
  JobSpec spec = script("a", "");
  spec.command = {"python3", "-c",
                  "import os, socket, time\n"
                  "print('as', os.environ['TIDEMILL_SOCKET_DESCRIPTOR'], flush=True)\n"
                  "while not os.path.exists('" +
                      (folder / "go").string() +
                      "'): time.sleep(0.01)\n"
                      "s = socket.socket(fileno=3)\n"
                      "s.listen()\n"
                      "print('listens', flush=True)\n"
                      "s.accept()\n"};
  spec.bound_socket = true;
  spec.volumes = {{"shared", folder, true}};  // the job's /tmp is its own
  ASSERT_TRUE(compute_->run(spec));
  listener_.wait_line("a", "as 3");
  const std::string path = compute_->address("a", 0).socket_path;
  struct stat status{};
  ASSERT_EQ(::lstat(path.c_str(), &status), 0);
  EXPECT_TRUE(S_ISSOCK(status.st_mode));
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  EXPECT_EQ(status.st_uid, ::geteuid());
  EXPECT_EQ(connect_to(path), ECONNREFUSED);  // the program does not listen yet
  fs::create_directory(folder / "go");
  listener_.wait_line("a", "listens");
  EXPECT_EQ(connect_to(path), 0);
  EXPECT_EQ(listener_.wait_exit("a").exit_code, 0);
  EXPECT_EQ(connect_to(path), ECONNREFUSED);  // no process holds it any more
}

TEST_F(ProcessComputeTest, WithoutOneThereIsNoDescriptor) {
  run(script("a", "ls /proc/self/fd | tr '\\n' ' '; echo ${TIDEMILL_SOCKET_DESCRIPTOR:-none}"));
  EXPECT_THAT(listener_.lines("a").back(), ::testing::HasSubstr("none"));
}

}  // namespace
}  // namespace tidemill::compute
