#include "wire/dns/name_server.h"

#include <sys/socket.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <cstring>
#include <optional>
#include <unordered_set>
#include <vector>

#include "base/log.h"
#include "wire/http_socket.h"

namespace tidemill::wire {
namespace asio = boost::asio;
namespace {

// After this many, other sockets on the loop get their turn.
constexpr int kDatagramsPerEventMax = 64;
constexpr std::size_t kLengthBytes = 2;  // before each message over TCP
// After a failed accept, when waiting for the listener would end at once.
constexpr std::chrono::milliseconds kAcceptRetryDelay{100};

}  // namespace

// Use only on its loop's thread, except for the constructor.
class NameServer::Door : public std::enable_shared_from_this<NameServer::Door> {
 public:
  Door(runtime::EventLoop& loop, const NameServer& server, Descriptor datagrams,
       Descriptor listener)
      : loop_(loop),
        is_here_(server.is_here_),
        connections_max_(server.connections_max_),
        connections_of_all_(server.connections_),
        datagrams_(loop.context(), datagrams.release()),
        listener_(loop.context(), listener.release()),
        accept_timer_(loop) {}

  runtime::EventLoop& loop() { return loop_; }
  void start() {
    wait_for_datagrams();
    wait_for_connections();
  }
  void end();

 private:
  class Connection;
  void wait_for_datagrams();
  void answer_datagrams();
  void wait_for_connections();
  void accept_connections();

  runtime::EventLoop& loop_;
  const IsHere is_here_;
  const std::size_t connections_max_;
  const std::shared_ptr<std::atomic<std::size_t>> connections_of_all_;  // as in NameServer
  asio::posix::stream_descriptor datagrams_, listener_;
  std::optional<runtime::Timer> accept_timer_;  // nullopt: ended
  std::unordered_set<std::shared_ptr<Connection>> connections_;
  bool ended_ = false;
};

// One TCP connection. Answers message by message; cuts off clients that do not read answers.
class NameServer::Door::Connection final : public SocketEvents,
                                           public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<Door> door, int descriptor)
      : door_(std::move(door)), socket_(door_->loop(), descriptor), timer_(door_->loop()) {}

  void start() {
    timer_->start(dns_connection_time, [weak = weak_from_this()] {
      if (std::shared_ptr<Connection> self = weak.lock()) self->close();
    });
    read();
  }
  void close() {
    if (!timer_) return;
    timer_.reset();
    socket_.close();
    door_->connections_of_all_->fetch_sub(1);
    door_->connections_.erase(shared_from_this());
  }

  void on_read(std::error_code error, std::size_t count) override {
    if (!timer_) return;
    if (error || count == 0) return close();
    filled_ += count;
    while (filled_ >= kLengthBytes) {
      const std::size_t length = std::size_t(static_cast<unsigned char>(buffer_[0])) << 8 |
                                 static_cast<unsigned char>(buffer_[1]);
      if (length > dns_message_bytes_max) return close();
      const std::size_t whole = kLengthBytes + length;
      if (filled_ < whole) break;
      const std::optional<std::string> answer =
          answer_dns({buffer_.data() + kLengthBytes, length}, door_->is_here_);
      if (!answer || !send(*answer)) return close();
      std::copy(buffer_.data() + whole, buffer_.data() + filled_, buffer_.data());
      filled_ -= whole;
    }
    read();
  }
  void on_writable(std::error_code) override {}

 private:
  void read() {
    socket_.async_read({buffer_.data() + filled_, buffer_.size() - filled_}, shared_from_this());
  }
  // An answer always fits into the socket's buffer while the peer reads.
  bool send(const std::string& answer) {
    const char length[] = {char(answer.size() >> 8), char(answer.size() & 0xff)};
    return socket_.send({length, sizeof length}, answer).count == sizeof length + answer.size();
  }

  const std::shared_ptr<Door> door_;  // shared: the door holds this object until close()
  Socket socket_;
  std::optional<runtime::Timer> timer_;  // nullopt: closed
  std::array<char, kLengthBytes + dns_message_bytes_max> buffer_;
  std::size_t filled_ = 0;
};

void NameServer::Door::wait_for_datagrams() {
  datagrams_.async_wait(asio::posix::stream_descriptor::wait_read,
                        [self = shared_from_this()](boost::system::error_code error) {
                          if (!error && !self->ended_) self->answer_datagrams();
                        });
}

void NameServer::Door::answer_datagrams() {
  for (int i = 0; i < kDatagramsPerEventMax; ++i) {
    // One more byte shows that a message is too long.
    char query[dns_message_bytes_max + 1];
    sockaddr_storage from{};
    socklen_t length = sizeof from;
    const ssize_t count = ::recvfrom(datagrams_.native_handle(), query, sizeof query, MSG_DONTWAIT,
                                     reinterpret_cast<sockaddr*>(&from), &length);
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    if (count < 0) continue;  // the kernel reports here that an earlier peer is gone
    if (const std::optional<std::string> answer = answer_dns({query, std::size_t(count)}, is_here_))
      (void)!::sendto(datagrams_.native_handle(), answer->data(), answer->size(),
                      MSG_DONTWAIT | MSG_NOSIGNAL, reinterpret_cast<sockaddr*>(&from), length);
  }
  wait_for_datagrams();
}

void NameServer::Door::wait_for_connections() {
  listener_.async_wait(asio::posix::stream_descriptor::wait_read,
                       [self = shared_from_this()](boost::system::error_code error) {
                         if (!error && !self->ended_) self->accept_connections();
                       });
}

void NameServer::Door::accept_connections() {
  // At most as many as may be open at once; the others wait for the next event.
  for (std::size_t i = 0; i < dns_connections_max; ++i) {
    Descriptor accepted(
        ::accept4(listener_.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!accepted && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    if (!accepted && (errno == EINTR || errno == ECONNABORTED)) continue;
    if (!accepted) {
      log::error("cannot accept connections to a resolver", {{"error", std::strerror(errno)}});
      accept_timer_->start(kAcceptRetryDelay, [weak = weak_from_this()] {
        const std::shared_ptr<Door> self = weak.lock();
        if (self && !self->ended_) self->accept_connections();
      });
      return;
    }
    if (connections_.size() >= dns_connections_max) continue;
    if (connections_of_all_->fetch_add(1) >= connections_max_) {
      connections_of_all_->fetch_sub(1);
      continue;
    }
    auto connection = std::make_shared<Connection>(shared_from_this(), accepted.release());
    connections_.insert(connection);
    connection->start();
  }
  wait_for_connections();
}

void NameServer::Door::end() {
  ended_ = true;
  accept_timer_.reset();
  boost::system::error_code ignored;
  datagrams_.close(ignored);
  listener_.close(ignored);
  // A copy, because closing removes connections from the set.
  const std::vector<std::shared_ptr<Connection>> open(connections_.begin(), connections_.end());
  for (const std::shared_ptr<Connection>& connection : open) connection->close();
}

NameServer::NameServer(runtime::EventLoops& loops, IsHere is_here, std::size_t connections_max)
    : loops_(loops),
      is_here_(std::move(is_here)),
      connections_max_(connections_max),
      connections_(std::make_shared<std::atomic<std::size_t>>(0)) {}

NameServer::~NameServer() { stop(); }

void NameServer::open(const std::string& job, Descriptor datagrams, Descriptor listener) {
  close(job);
  std::shared_ptr<Door> door;
  {
    std::lock_guard lock(mutex_);
    if (stopped_) return;
    door = std::make_shared<Door>(loops_.at(doors_made_++ % loops_.size()), *this,
                                  std::move(datagrams), std::move(listener));
    doors_[job] = door;
  }
  door->loop().post([door] { door->start(); });
}

void NameServer::close(const std::string& job) {
  std::shared_ptr<Door> door;
  {
    std::lock_guard lock(mutex_);
    const auto found = doors_.find(job);
    if (found == doors_.end()) return;
    door = std::move(found->second);
    doors_.erase(found);
  }
  door->loop().post([door] { door->end(); });
}

void NameServer::stop() {
  std::map<std::string, std::shared_ptr<Door>> doors;
  {
    std::lock_guard lock(mutex_);
    stopped_ = true;
    doors.swap(doors_);
  }
  for (const auto& [job, door] : doors) door->loop().run_and_wait([&] { door->end(); });
}

}  // namespace tidemill::wire
