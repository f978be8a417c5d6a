#include "compute/process/confine.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace tidemill::compute {
namespace {

namespace fs = std::filesystem;

class ConfineTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "the limits of a user of its own take root";
    char name[] = "/tmp/tidemill_confine_XXXXXX";
    root_ = ::mkdtemp(name);  // 0700, as the server's data folder
    fs::create_directories(root_ / "model");
    std::ofstream(root_ / "model" / "file") << "bytes";
    std::ofstream(root_ / "secret") << "secret";
  }
  void TearDown() override { fs::remove_all(root_); }
  // The result of the work: an exit code, or minus a signal. Runs in a single-threaded process.
  int end_of(const std::function<int(const std::string&)>& work, std::uint64_t memory_bytes = 0) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(run_confined({(root_ / "model").string(), memory_bytes, 10}, work));
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
  }
  fs::path root_;
};

TEST_F(ConfineTest, ReadsItsFolderAndNothingElseOfTheServers) {
  const std::string secret = root_ / "secret";
  EXPECT_EQ(end_of([](const std::string& folder) {
              return ::access((folder + "/file").c_str(), R_OK) == 0 ? 7 : 1;
            }),
            7);
  EXPECT_EQ(end_of([&](const std::string& folder) {
              const bool read = ::open(secret.c_str(), O_RDONLY) >= 0 ||
                                ::open((folder + "/../secret").c_str(), O_RDONLY) >= 0 ||
                                ::open("/etc/shadow", O_RDONLY) >= 0;
              return read ? 1 : 0;
            }),
            0);
}

TEST_F(ConfineTest, HasNoRightsNoNetworkAndNoOtherProcesses) {
  EXPECT_EQ(
      end_of([](const std::string& folder) {
        if (::getuid() < 1000 || ::open((folder + "/new").c_str(), O_CREAT | O_WRONLY, 0600) >= 0)
          return 1;
        if (::unshare(CLONE_NEWUSER) == 0 || ::kill(1, 0) == 0) return 2;
        const int socket = ::socket(AF_INET, SOCK_DGRAM, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(9);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        // Even the loopback interface is down; otherwise a datagram socket connects to any address.
        return ::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 ? 3
                                                                                             : 0;
      }),
      0);
}

TEST_F(ConfineTest, MemoryIsBounded) {
#if __has_feature(address_sanitizer)
  GTEST_SKIP() << "AddressSanitizer itself needs terabytes of address space";
#endif
  EXPECT_EQ(end_of(
                [](const std::string&) {
                  // The raw call: a sanitizer's own mmap ends the process when it fails.
                  const long memory =
                      ::syscall(SYS_mmap, nullptr, std::size_t(4) << 30, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
                  return memory == -1 ? 5 : 1;
                },
                std::uint64_t(1) << 30),
            5);
}

TEST_F(ConfineTest, ASignalIsTold) {
  EXPECT_EQ(end_of([](const std::string&) {
              ::raise(SIGUSR1);  // one that no sanitizer handles
              return 0;
            }),
            -SIGUSR1);
}

}  // namespace
}  // namespace tidemill::compute
