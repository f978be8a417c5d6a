#include "wire/http_socket.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>

namespace tidemill::wire {
namespace asio = boost::asio;
using asio::generic::stream_protocol;

struct Socket::Impl {
  explicit Impl(asio::io_context& context) : socket(context) {}
  stream_protocol::socket socket;
};

Socket::Socket(runtime::EventLoop& loop) : impl_(std::make_unique<Impl>(loop.context())) {}

Socket::Socket(runtime::EventLoop& loop, int descriptor) : Socket(loop) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &length);
  boost::system::error_code error;
  impl_->socket.assign(stream_protocol(address.ss_family, 0), descriptor, error);
  if (!error) impl_->socket.non_blocking(true, error);
  if (address.ss_family == AF_INET || address.ss_family == AF_INET6) {
    const int on = 1;  // send answers at once; we coalesce ourselves
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
}

Socket::~Socket() = default;
Socket::Socket(Socket&&) noexcept = default;

void Socket::async_connect_tcp(const std::string& ip_address, std::uint16_t port,
                               std::shared_ptr<SocketEvents> events,
                               const runtime::NetworkNamespace* network) {
  boost::system::error_code error;
  const auto address = asio::ip::make_address(ip_address, error);
  if (!error && network) {
    const int family = address.is_v6() ? AF_INET6 : AF_INET;
    const int descriptor = network->make_socket(family);
    if (descriptor < 0)
      error.assign(errno, boost::system::generic_category());
    else
      impl_->socket.assign(stream_protocol(family, IPPROTO_TCP), descriptor, error);
  }
  if (error) {
    asio::post(impl_->socket.get_executor(),
               [events = std::move(events), error] { events->on_writable(error); });
    return;
  }
  const asio::ip::tcp::endpoint endpoint(address, port);
  impl_->socket.async_connect(endpoint, [impl = impl_.get(), events = std::move(events)](
                                            boost::system::error_code failure) {
    if (!failure) {
      const int on = 1;
      setsockopt(impl->socket.native_handle(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      impl->socket.non_blocking(true, failure);
    }
    events->on_writable(failure);
  });
}

namespace {

constexpr std::size_t unix_path_bytes_max = sizeof(sockaddr_un::sun_path) - 1;

struct FolderDescriptor {
  int descriptor = -1;
  void open(const std::string& path) {
    descriptor = ::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  }
  ~FolderDescriptor() {
    if (descriptor >= 0) ::close(descriptor);
  }
};

}  // namespace

void Socket::async_connect_unix(const std::string& path, std::shared_ptr<SocketEvents> events) {
  std::string short_path = path;
  FolderDescriptor folder;
  if (path.size() > unix_path_bytes_max) {
    // The kernel limits paths' length, but it accepts a path below a descriptor of the folder.
    const std::size_t slash = path.rfind('/');
    folder.open(slash == path.npos ? "." : path.substr(0, slash + 1));
    short_path = "/proc/self/fd/" + std::to_string(folder.descriptor) + "/" +
                 path.substr(slash == path.npos ? 0 : slash + 1);
  }
  if (short_path.size() > unix_path_bytes_max || (short_path != path && folder.descriptor < 0)) {
    const auto reason =
        folder.descriptor < 0 ? std::errc::no_such_file_or_directory : std::errc::filename_too_long;
    asio::post(impl_->socket.get_executor(), [events = std::move(events), reason] {
      events->on_writable(std::make_error_code(reason));
    });
    return;
  }
  // async_connect() resolves the path before it returns, so the folder may be closed then.
  const asio::local::stream_protocol::endpoint endpoint(short_path);
  impl_->socket.async_connect(endpoint, [impl = impl_.get(), events = std::move(events)](
                                            boost::system::error_code failure) {
    if (!failure) impl->socket.non_blocking(true, failure);
    events->on_writable(failure);
  });
}

void Socket::async_read(std::span<char> buffer, std::shared_ptr<SocketEvents> events) {
  impl_->socket.async_read_some(
      asio::buffer(buffer.data(), buffer.size()),
      [events = std::move(events)](boost::system::error_code error, std::size_t count) {
        if (error == asio::error::eof) error.clear();
        events->on_read(error, count);
      });
}

void Socket::async_wait_writable(std::shared_ptr<SocketEvents> events) {
  impl_->socket.async_wait(stream_protocol::socket::wait_write,
                           [events = std::move(events)](boost::system::error_code error) {
                             events->on_writable(error);
                           });
}

namespace {

Socket::Sent sent_of(ssize_t count) {
  if (count >= 0) return {std::size_t(count), false, {}};
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return {0, true, {}};
  return {0, false, std::error_code(errno, std::generic_category())};
}

}  // namespace

Socket::Sent Socket::send(std::string_view first, std::string_view second) {
  iovec pieces[2] = {{const_cast<char*>(first.data()), first.size()},
                     {const_cast<char*>(second.data()), second.size()}};
  msghdr message{};
  message.msg_iov = first.empty() ? pieces + 1 : pieces;
  message.msg_iovlen = first.empty() || second.empty() ? 1 : 2;
  return sent_of(::sendmsg(impl_->socket.native_handle(), &message, MSG_NOSIGNAL));
}

std::uint64_t Socket::unacknowledged_bytes() const {
  int bytes = 0;
  return ::ioctl(impl_->socket.native_handle(), SIOCOUTQ, &bytes) == 0 ? std::uint64_t(bytes) : 0;
}

bool Socket::is_open() const { return impl_->socket.is_open(); }

bool Socket::has_input_or_ended() const {
  char byte;
  const ssize_t count =
      ::recv(impl_->socket.native_handle(), &byte, sizeof byte, MSG_PEEK | MSG_DONTWAIT);
  return count >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

void Socket::shutdown_write() {
  boost::system::error_code ignored;
  impl_->socket.shutdown(stream_protocol::socket::shutdown_send, ignored);
}

void Socket::discard_unsent_on_close() {
  boost::system::error_code ignored;
  impl_->socket.set_option(asio::socket_base::linger(true, 0), ignored);
}

void Socket::close() {
  boost::system::error_code ignored;
  impl_->socket.close(ignored);
}

}  // namespace tidemill::wire
