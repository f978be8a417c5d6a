#include "wire/http_socket.h"

#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include <algorithm>
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
    const int on = 1;  // answers go out at once; coalescing is ours
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
}

Socket::~Socket() = default;
Socket::Socket(Socket&&) noexcept = default;

void Socket::async_connect_tcp(const std::string& ip_address, std::uint16_t port,
                               std::shared_ptr<SocketEvents> events) {
  boost::system::error_code error;
  const auto address = asio::ip::make_address(ip_address, error);
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

void Socket::async_connect_unix(const std::string& path, std::shared_ptr<SocketEvents> events) {
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    asio::post(impl_->socket.get_executor(), [events = std::move(events)] {
      events->on_writable(std::make_error_code(std::errc::filename_too_long));
    });
    return;
  }
  const asio::local::stream_protocol::endpoint endpoint(path);
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

Socket::Sent Socket::send(std::string_view first, std::string_view second, bool more_follows) {
  iovec pieces[2] = {{const_cast<char*>(first.data()), first.size()},
                     {const_cast<char*>(second.data()), second.size()}};
  msghdr message{};
  message.msg_iov = first.empty() ? pieces + 1 : pieces;
  message.msg_iovlen = first.empty() || second.empty() ? 1 : 2;
  return sent_of(::sendmsg(impl_->socket.native_handle(), &message,
                           MSG_NOSIGNAL | (more_follows ? MSG_MORE : 0)));
}

Socket::Sent Socket::send_file(int descriptor, std::uint64_t offset, std::uint64_t length) {
  // One call's share, so that one large download does not hold the loop.
  constexpr std::uint64_t share_bytes = 1u << 20;
  off_t position = off_t(offset);
  return sent_of(::sendfile(impl_->socket.native_handle(), descriptor, &position,
                            std::size_t(std::min(length, share_bytes))));
}

bool Socket::is_open() const { return impl_->socket.is_open(); }

void Socket::shutdown_write() {
  boost::system::error_code ignored;
  impl_->socket.shutdown(stream_protocol::socket::shutdown_send, ignored);
}

void Socket::close() {
  boost::system::error_code ignored;
  impl_->socket.close(ignored);
}

}  // namespace tidemill::wire
