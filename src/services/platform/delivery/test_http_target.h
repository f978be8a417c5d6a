// For tests: an HTTP server whose behaviour the test chooses. It uses one thread per connection.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "services/platform/delivery/driver_contract.h"

namespace tidemill::services::platform {

class TestHttpTarget {
 public:
  TestHttpTarget() {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::listen(listener_, 32) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
      std::abort();
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
  }
  ~TestHttpTarget() {
    stopping_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    {
      std::lock_guard lock(mutex_);
      for (const int each : open_) ::shutdown(each, SHUT_RDWR);
    }
    for (std::thread& thread : threads_) thread.join();
    ::close(listener_);
  }

  std::string url(const std::string& path = "/in") const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }
  // Sends this response instead of the behaviour's; "" undoes that.
  void answer(std::string response) {
    std::lock_guard lock(mutex_);
    response_ = std::move(response);
  }
  void behave(DriverHarness::Behaviour behaviour) { behaviour_ = behaviour; }
  std::vector<std::string> bodies() {
    std::lock_guard lock(mutex_);
    return bodies_;
  }
  std::string last_head() {
    std::lock_guard lock(mutex_);
    return head_;
  }
  int connections() const { return connections_; }

 private:
  void accept_all() {
    for (;;) {
      const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (client < 0 || stopping_) {
        if (client >= 0) ::close(client);
        return;
      }
      ++connections_;
      std::lock_guard lock(mutex_);
      open_.push_back(client);
      threads_.emplace_back([this, client] { serve(client); });
    }
  }
  void serve(int client) {
    std::string buffer;
    while (serve_one(client, buffer)) {
    }
    ::shutdown(client, SHUT_RDWR);
  }
  static bool read_more(int client, std::string& buffer) {
    char chunk[65536];
    const ssize_t size = ::recv(client, chunk, sizeof chunk, 0);
    if (size <= 0) return false;
    buffer.append(chunk, std::size_t(size));
    return true;
  }
  static bool write(int client, const std::string& text) {
    return ::send(client, text.data(), text.size(), MSG_NOSIGNAL) == ssize_t(text.size());
  }
  bool serve_one(int client, std::string& buffer) {
    std::size_t end;
    while ((end = buffer.find("\r\n\r\n")) == buffer.npos)
      if (!read_more(client, buffer)) return false;
    const std::string head = buffer.substr(0, end + 4);
    buffer.erase(0, end + 4);
    std::size_t length = 0;
    if (const std::size_t at = head.find("Content-Length: "); at != head.npos)
      length = std::size_t(std::atoll(head.c_str() + at + 16));
    while (buffer.size() < length)
      if (!read_more(client, buffer)) return false;
    const std::string body = buffer.substr(0, length);
    buffer.erase(0, length);
    return respond(client, head, body);
  }
  bool respond(int client, const std::string& head, const std::string& body) {
    using Behaviour = DriverHarness::Behaviour;
    const Behaviour behaviour = behaviour_;
    std::string response;
    {
      std::lock_guard lock(mutex_);
      head_ = head;
      response = response_;
      if (behaviour == Behaviour::accept || behaviour == Behaviour::flood) bodies_.push_back(body);
    }
    if (!response.empty()) return write(client, response);
    switch (behaviour) {
      case Behaviour::accept:
        return write(client, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
      case Behaviour::busy:
        return write(client, "HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n");
      case Behaviour::refuse:
        return write(client, "HTTP/1.1 404 None\r\nContent-Length: 0\r\n\r\n");
      case Behaviour::hang: {
        std::string nothing;
        (void)read_more(client, nothing);
        return false;
      }
      case Behaviour::flood:
        if (!write(client, "HTTP/1.1 200 OK\r\n\r\n")) return false;
        while (!stopping_ && write(client, std::string(65536, 'x'))) {
        }
        return false;
      case Behaviour::vanish:
      case Behaviour::absent:
        return false;
    }
    return false;
  }

  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> stopping_ = false;
  std::atomic<int> connections_ = 0;
  std::atomic<DriverHarness::Behaviour> behaviour_ = DriverHarness::Behaviour::accept;
  std::mutex mutex_;
  std::vector<int> open_;             // guarded by mutex_
  std::vector<std::string> bodies_;   // guarded by mutex_
  std::string head_, response_;       // guarded by mutex_
  std::vector<std::thread> threads_;  // guarded by mutex_ until the acceptor has ended
  std::thread acceptor_;
};

}  // namespace tidemill::services::platform
