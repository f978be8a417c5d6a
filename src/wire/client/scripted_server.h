// For tests: a server that sends exactly the given bytes.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "wire/client/http_client.h"

namespace tidemill::wire {

// Each connection sends the next script once it has read a request's empty line; then it closes
// unless the script says otherwise.
class ScriptedServer {
 public:
  struct Script {
    std::string answer;
    bool keep_open = false;
    int unanswered_requests = 0;  // read after the answer, before closing
  };
  explicit ScriptedServer(std::vector<Script> scripts) : scripts_(std::move(scripts)) {
    descriptor_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address);
    ::listen(descriptor_, 16);
    socklen_t length = sizeof address;
    ::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~ScriptedServer() {
    ::shutdown(descriptor_, SHUT_RDWR);
    thread_.join();
    ::close(descriptor_);
    for (int open : open_) ::close(open);
  }
  Destination destination() const { return Destination::tcp("127.0.0.1", port_); }
  int connections() const { return connections_; }
  int requests() const { return requests_; }
  int closed() const { return closed_; }

 private:
  // For small requests: head and body come in one piece.
  bool take_request(int client) {
    std::string request;
    char buffer[4096];
    while (request.find("\r\n\r\n") == request.npos) {
      const ssize_t count = ::recv(client, buffer, sizeof buffer, 0);
      if (count <= 0) return false;
      request.append(buffer, std::size_t(count));
    }
    ++requests_;
    return true;
  }
  void serve() {
    for (const Script& script : scripts_) {
      const int client = ::accept(descriptor_, nullptr, nullptr);
      if (client < 0) return;
      ++connections_;
      take_request(client);
      ::send(client, script.answer.data(), script.answer.size(), MSG_NOSIGNAL);
      for (int i = 0; i < script.unanswered_requests; ++i) take_request(client);
      if (script.keep_open) {
        open_.push_back(client);
        continue;
      }
      ::close(client);
      ++closed_;
    }
  }
  std::vector<Script> scripts_;
  int descriptor_;
  std::uint16_t port_ = 0;
  std::atomic<int> connections_ = 0;
  std::atomic<int> requests_ = 0;
  std::atomic<int> closed_ = 0;
  std::vector<int> open_;
  std::thread thread_;
};

}  // namespace tidemill::wire
