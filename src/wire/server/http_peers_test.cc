// A socket that was handed over (HttpServerOptions::bound_descriptor): whom the server answers.
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "wire/server/http_test_support.h"

namespace tidemill::wire {
namespace {

constexpr uid_t kStranger = 65'534;

// A process of that user asks; true when it got an answer. The child makes system calls alone, as
// this process has other threads.
bool is_answered(const std::string& path, uid_t user) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  constexpr std::string_view kRequest = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  const pid_t child = ::fork();
  if (child == 0) {
    char answer[64];
    if (user != 0 && ::syscall(SYS_setuid, user) != 0) ::_exit(2);
    const int wire = ::socket(AF_UNIX, SOCK_STREAM, 0);
    if (::connect(wire, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) ::_exit(3);
    (void)!::send(wire, kRequest.data(), kRequest.size(), MSG_NOSIGNAL);
    ::_exit(::recv(wire, answer, sizeof answer, 0) > 0 ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_LE(WEXITSTATUS(status), 1) << "it could not even connect";
  return WEXITSTATUS(status) == 0;
}

TEST(HttpPeers, Root_and_the_servers_own_user_are_answered_and_no_other) {
  if (::geteuid() != 0) GTEST_SKIP() << "acts as another user, which takes root";
  std::string folder = (std::filesystem::temp_directory_path() / "tidemill-peers-XXXXXX").string();
  ASSERT_TRUE(::mkdtemp(folder.data()));
  ::chmod(folder.c_str(), 0711);
  const std::string path = folder + "/socket";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  HttpServerOptions options;
  options.bound_descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(::bind(options.bound_descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address),
            0);
  ::chmod(path.c_str(), 0666);
  {
    const TestServer server(
        [](HttpRequest, HttpHandler::Respond respond) { respond(text_response("here")); }, options);
    EXPECT_TRUE(is_answered(path, 0));
    EXPECT_FALSE(is_answered(path, kStranger));
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace tidemill::wire
