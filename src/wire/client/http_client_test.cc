#include "wire/client/http_client.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <future>
#include <thread>

#include "wire/client/scripted_server.h"
#include "wire/server/http_test_support.h"

namespace tidemill::wire {
namespace {

ClientRequest post(std::string target, std::string body) {
  ClientRequest request;
  request.method = "POST";
  request.target = std::move(target);
  request.body = std::move(body);
  return request;
}

struct ClientTest : testing::Test {
  Result<ClientResponse> get(const Destination& destination, ClientLimits limits = {}) {
    return client.request_and_wait(destination, {}, limits);
  }
  runtime::EventLoops loops{1};
  HttpClient client{loops};
};

TEST_F(ClientTest, SendsAndReceives) {
  TestServer server([](HttpRequest request, HttpHandler::Respond respond) {
    HttpResponse response = text_response(request.body + "|" + std::string(request.host()));
    response.status = 418;
    response.headers.add("X-Type", std::string(request.headers.get("content-type")));
    respond(std::move(response));
  });
  const Destination there = Destination::tcp("127.0.0.1", server.port());
  ClientRequest request = post("/invocations", "1,2,3");
  request.headers.add("Content-Type", "text/csv\r\nX-Injected: 1");
  Result<ClientResponse> response = client.request_and_wait(there, request, {});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(418, response->status);
  EXPECT_EQ("1,2,3|" + there.text(), response->body);
  EXPECT_EQ("text/csv  X-Injected: 1", response->headers.get("x-type"));
}

TEST_F(ClientTest, KeepsConnections) {
  TestServer server(echo);
  const Destination there = Destination::tcp("127.0.0.1", server.port());
  for (int i = 0; i < 20; ++i)
    ASSERT_EQ("POST /x b", client.request_and_wait(there, post("/x", "b"), {})->body);
  EXPECT_EQ(1u, server.counters().connections_accepted);
  client.forget(there);
  EXPECT_TRUE(eventually([&] { return server.counters().connections_active == 0; }));
  EXPECT_TRUE(get(there));
  EXPECT_EQ(2u, server.counters().connections_accepted);
}

TEST_F(ClientTest, CarriesLargeBodies) {
  TestServer* running = nullptr;
  TestServer server([&](HttpRequest request, HttpHandler::Respond respond) {
    running->submit([request = std::move(request), respond = std::move(respond)]() mutable {
      HttpResponse response;
      response.body = std::move(*read_all(*request.stream, 1u << 30));
      respond(std::move(response));
    });
  });
  running = &server;
  const std::string body(8 << 20, 'b');
  Result<ClientResponse> response =
      client.request_and_wait(Destination::tcp("127.0.0.1", server.port()), post("/", body), {});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_TRUE(body == response->body);
}

// The second folder's name is too long for a socket's path in the kernel.
class UnixSockets : public ClientTest, public testing::WithParamInterface<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(Paths, UnixSockets, testing::Values(1, 150));

TEST_P(UnixSockets, AreSpokenOver) {
  char base[] = "/tmp/tidemill_client_test_XXXXXX";
  ASSERT_NE(nullptr, mkdtemp(base));
  const std::string folder = std::string(base) + "/" + std::string(GetParam(), 'f');
  ASSERT_EQ(0, mkdir(folder.c_str(), 0700));
  const std::string path = folder + "/s";
  const int listening = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  address.sun_path[0] = 's';  // relative to the folder: how servers bind long paths
  const int before = ::open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  ASSERT_EQ(0, chdir(folder.c_str()));
  ASSERT_EQ(0, ::bind(listening, reinterpret_cast<sockaddr*>(&address), sizeof address));
  ASSERT_EQ(0, fchdir(before));
  ::close(before);
  ::listen(listening, 4);
  std::thread server([&] {
    const int peer = ::accept(listening, nullptr, nullptr);
    char buffer[4096];
    EXPECT_GT(::recv(peer, buffer, sizeof buffer, 0), 0);
    const std::string answer =
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        "2\r\nhi\r\n0\r\n\r\n";
    ::send(peer, answer.data(), answer.size(), MSG_NOSIGNAL);
    ::close(peer);
  });
  Result<ClientResponse> response = get(Destination::unix_socket(path));
  server.join();
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ("hi", response->body);
  ::close(listening);
  EXPECT_EQ(codes::kIo, get(Destination::unix_socket(path)).error().code);
  EXPECT_FALSE(get(Destination::unix_socket(std::string(200, 'x'))));
  unlink(path.c_str());
  rmdir(folder.c_str());
  rmdir(base);
}

TEST_F(ClientTest, ReachesAServerOnAUnixSocket) {
  char folder[] = "/tmp/tidemill_client_test_XXXXXX";
  ASSERT_NE(nullptr, mkdtemp(folder));
  const std::string path = std::string(folder) + "/s";
  for (int i = 0; i < 2; ++i) {  // the second run finds a socket file that a crash left
    HttpServerOptions options;
    options.unix_path = path;
    TestServer server(echo, options);
    Result<ClientResponse> response = get(Destination::unix_socket(path));
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(200, response->status);
    ASSERT_EQ(0, ::rename(path.c_str(), (path + ".kept").c_str()));
    server.server->stop();
    ASSERT_EQ(0, ::rename((path + ".kept").c_str(), path.c_str()));
  }
  HttpServerOptions options;
  options.unix_path = path;
  TestServer(echo, options).server->stop();
  EXPECT_NE(0, ::access(path.c_str(), F_OK));
  rmdir(folder);
}

TEST_F(ClientTest, NamesWhatCannotBeReached) {
  std::uint16_t port = 0;
  {
    TestServer gone(echo);
    port = gone.port();
  }
  Result<ClientResponse> refused = get(Destination::tcp("127.0.0.1", port));
  ASSERT_FALSE(refused);
  EXPECT_EQ(codes::kIo, refused.error().code);
  EXPECT_NE(std::string::npos, refused.error().message.find("127.0.0.1:" + std::to_string(port)));
  EXPECT_EQ(codes::kIo, get(Destination::tcp("not an address", 1)).error().code);
}

TEST_F(ClientTest, KeepsItsTimeLimit) {
  ScriptedServer server({{"", true}, {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", true}});
  for (int i = 0; i < 2; ++i) {
    const auto start = std::chrono::steady_clock::now();
    Result<ClientResponse> response = get(server.destination(), {.timeout = milliseconds(60)});
    ASSERT_FALSE(response);
    EXPECT_EQ(codes::kTimeout, response.error().code);
    EXPECT_GE(std::chrono::steady_clock::now() - start, milliseconds(60));
  }
}

TEST_F(ClientTest, BoundsTheResponse) {
  const std::string body(1000, 'x');
  ScriptedServer server({{"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + body},
                         {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n" + body},
                         {"HTTP/1.1 200 OK\r\n\r\n" + body},
                         {"HTTP/1.1 200 OK\r\n\r\n" + body}});
  for (int i = 0; i < 3; ++i) {
    Result<ClientResponse> response = get(server.destination(), {.response_bytes_max = 999});
    ASSERT_FALSE(response) << i;
    EXPECT_EQ(codes::kOverloaded, response.error().code);
  }
  EXPECT_EQ(body, get(server.destination(), {.response_bytes_max = 1000})->body);
}

TEST_F(ClientTest, SaysWhatIsNoHttp) {
  ScriptedServer server({{"SSH-2.0-OpenSSH\r\n\r\n"},
                         {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"},
                         {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx"},
                         {""}});
  EXPECT_EQ(codes::kInvalid, get(server.destination()).error().code);
  EXPECT_EQ(codes::kIo, get(server.destination()).error().code);
  EXPECT_EQ(codes::kInvalid, get(server.destination()).error().code);
  EXPECT_EQ(codes::kIo, get(server.destination()).error().code);
  EXPECT_EQ(4, server.connections()) << "a fresh connection that breaks is not retried";
}

TEST_F(ClientTest, WaitsForAConnectionWithinItsLimit) {
  TestServer* running = nullptr;
  std::atomic<int> most = 0;
  std::atomic<int> now = 0;
  TestServer server([&](HttpRequest, HttpHandler::Respond respond) {
    running->submit([&, respond = std::move(respond)]() mutable {
      most = std::max(most.load(), ++now);
      std::this_thread::sleep_for(milliseconds(10));
      --now;
      respond(text_response("ok"));
    });
  });
  running = &server;
  HttpClient bounded(loops, {.connections_max = 2, .waiting_max = 3});
  const Destination there = Destination::tcp("127.0.0.1", server.port());
  std::atomic<int> succeeded = 0;
  std::atomic<int> overloaded = 0;
  for (int i = 0; i < 8; ++i)
    bounded.request(there, {}, {}, [&](Result<ClientResponse> result) {
      if (result)
        ++succeeded;
      else if (result.error().code == codes::kOverloaded)
        ++overloaded;
    });
  EXPECT_TRUE(eventually([&] { return succeeded + overloaded == 8; }));
  EXPECT_EQ(5, succeeded);
  EXPECT_EQ(3, overloaded);
  EXPECT_LE(most, 2);
}

TEST_F(ClientTest, StopFailsWhatIsUnderWay) {
  ScriptedServer server({{"", true}});
  std::promise<Result<ClientResponse>> promise;
  client.request(server.destination(), {}, {},
                 [&](Result<ClientResponse> result) { promise.set_value(std::move(result)); });
  ASSERT_TRUE(eventually([&] { return server.connections() == 1; }));
  client.stop();
  EXPECT_EQ(codes::kCancelled, promise.get_future().get().error().code);
}

// A server that closes kept connections between requests, as model servers do.
TEST_F(ClientTest, ReplacesAStaleConnectionOnce) {
  const std::string kept = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  for (int round = 0; round < 20; ++round) {
    ScriptedServer server({{kept}, {kept}});
    ASSERT_EQ("ok", get(server.destination())->body);
    ASSERT_EQ("ok", get(server.destination())->body);
    EXPECT_EQ(2, server.connections());
  }
}

}  // namespace
}  // namespace tidemill::wire
