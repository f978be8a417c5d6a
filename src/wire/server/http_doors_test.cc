// Doors: listening sockets in networks of jobs, beside the server's own address.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <filesystem>

#include "base/test_eventually.h"
#include "runtime/network_namespace.h"
#include "wire/client/http_client.h"
#include "wire/proxy/local_authority.h"
#include "wire/server/http_test_support.h"
#include "wire/server/tls_session.h"

namespace tidemill::wire {
namespace {

constexpr std::uint16_t kPort = 8080;

void tell_job(HttpRequest request, HttpHandler::Respond respond) {
  respond(text_response("job=" + request.job +
                        (request.tunnel_host.empty() ? "" : " host=" + request.tunnel_host)));
}

class HttpDoorsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = runtime::NetworkNamespace::make();
    if (!made) GTEST_SKIP() << made.error().message;
    network_ = *made;
  }
  void open_door(const std::string& job) {
    Result<Descriptor> listener = network_->listen_on_loopback(kPort);
    ASSERT_TRUE(listener) << listener.error().message;
    server_.server->add_door(job, ::fcntl(listener->get(), F_DUPFD_CLOEXEC, 0));
  }
  Result<ClientResponse> ask(const Destination& destination) {
    ClientRequest request;
    request.headers.add("Connection", "close");
    return client_.request_and_wait(destination, std::move(request), {});
  }
  // The answer to one request inside TLS, whose client asks for `name`; "" it asks for none. Why
  // there is no answer when the handshake fails.
  std::string ask_tls(const std::string& name) {
    const Descriptor wire(network_->make_socket(AF_INET));
    ::fcntl(wire.get(), F_SETFL, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(kTlsPort);
    if (::connect(wire.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      return "not connected";
    SSL_CTX* context = SSL_CTX_new(TLS_client_method());
    SSL* session = SSL_new(context);
    SSL_set_fd(session, wire.get());
    if (!name.empty()) SSL_set_tlsext_host_name(session, name.c_str());
    std::string answer;
    ERR_clear_error();
    if (SSL_connect(session) != 1) {
      const char* reason = ERR_reason_error_string(ERR_peek_last_error());
      answer = reason ? reason : "hung up";
    } else {
      const std::string request = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
      SSL_write(session, request.data(), int(request.size()));
      char buffer[4096];
      for (int count; (count = SSL_read(session, buffer, sizeof buffer)) > 0;)
        answer.append(buffer, std::size_t(count));
      answer.erase(0, answer.find("\r\n\r\n") + 4);
    }
    ERR_clear_error();
    SSL_free(session);
    SSL_CTX_free(context);
    return answer;
  }
  static constexpr std::uint16_t kTlsPort = 8443;
  Destination inside() { return Destination::tcp("127.0.0.1", kPort, network_); }

  TestServer server_{tell_job};
  HttpClient client_{server_.loops};
  std::shared_ptr<const runtime::NetworkNamespace> network_;
};

TEST_F(HttpDoorsTest, What_comes_through_a_door_is_told_apart) {
  open_door("training.1");
  Result<ClientResponse> through = ask(inside());
  ASSERT_TRUE(through) << through.error().message;
  EXPECT_EQ(through->body, "job=training.1");
  Result<ClientResponse> outside = ask(Destination::tcp("127.0.0.1", server_.port()));
  ASSERT_TRUE(outside);
  EXPECT_EQ(outside->body, "job=");
}

TEST_F(HttpDoorsTest, The_same_port_of_another_network_is_another) {
  open_door("training.1");
  const auto other = runtime::NetworkNamespace::make();
  ASSERT_TRUE(other);
  EXPECT_FALSE(ask(Destination::tcp("127.0.0.1", kPort, *other)));
  // And the server's own address is not inside.
  EXPECT_FALSE(ask(Destination::tcp("127.0.0.1", server_.port(), network_)));
}

TEST_F(HttpDoorsTest, A_door_that_is_removed_is_closed) {
  open_door("training.1");
  ASSERT_TRUE(ask(inside()));
  server_.server->remove_door("training.1");
  server_.server->remove_door("training.1");
  EXPECT_TRUE(eventually([&] { return !ask(inside()); }));
  open_door("training.1");  // as a restarted server does
  EXPECT_TRUE(ask(inside()));
}

TEST_F(HttpDoorsTest, One_of_TLS_has_a_certificate_for_each_name_that_is_asked_for) {
  std::string folder = (std::filesystem::temp_directory_path() / "tidemill-door-XXXXXX").string();
  ASSERT_TRUE(::mkdtemp(folder.data()));
  SystemClock clock;
  auto authority = LocalAuthority::load_or_create(folder, clock);
  ASSERT_TRUE(authority);
  Result<std::unique_ptr<TlsContext>> tls =
      TlsContext::by_name([&](const std::string& name) -> std::shared_ptr<TlsContext> {
        auto found = (*authority)->context_for(name);
        return found ? *found : nullptr;
      });
  ASSERT_TRUE(tls);
  open_door("training.1");
  Result<Descriptor> listener = network_->listen_on_loopback(kTlsPort);
  ASSERT_TRUE(listener);
  server_.server->add_door("training.1", listener->release(), *std::move(tls));
  EXPECT_EQ(ask_tls("sts.us-east-1.amazonaws.com"),
            "job=training.1 host=sts.us-east-1.amazonaws.com");
  EXPECT_EQ(ask_tls("B.s3.amazonaws.com"), "job=training.1 host=b.s3.amazonaws.com");
  for (const char* name : {"example.com", "localhost", "amazonaws.com", ""})
    EXPECT_THAT(ask_tls(name), ::testing::HasSubstr("unrecognized name")) << name;
  EXPECT_EQ(ask(inside())->body, "job=training.1");  // the plain one beside it
  server_.server->remove_door("training.1");
  EXPECT_TRUE(eventually([&] { return ask_tls("sts.amazonaws.com") == "not connected"; }));
  EXPECT_FALSE(ask(inside()));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace tidemill::wire
