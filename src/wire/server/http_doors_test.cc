// Doors: listening sockets in networks of jobs, beside the server's own address.
#include <fcntl.h>

#include "runtime/network_namespace.h"
#include "wire/client/http_client.h"
#include "wire/server/http_test_support.h"

namespace tidemill::wire {
namespace {

constexpr std::uint16_t kPort = 8080;

void tell_job(HttpRequest request, HttpHandler::Respond respond) {
  respond(text_response("job=" + request.job));
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

}  // namespace
}  // namespace tidemill::wire
