// The server's limits and timeouts. A client always gets an answer where one is
// possible.
#include <memory>
#include <thread>
#include <vector>

#include "wire/server/http_test_support.h"

namespace tidemill::wire {
namespace {

std::string get(const std::string& fields = "") {
  return "GET / HTTP/1.1\r\nHost: t\r\n" + fields + "\r\n";
}

int status_of(TestServer& server, std::string_view bytes) {
  RawClient client(server.port());
  const int status = client.exchange(bytes).status;
  EXPECT_TRUE(client.ended()) << "a broken connection must be closed";
  return status;
}

TEST(HttpLimits, BadRequestsAreAnsweredAndClosed) {
  TestServer server(echo);
  EXPECT_EQ(400, status_of(server, "nonsense\r\n\r\n"));
  EXPECT_EQ(400, status_of(server, "\x16\x03\x01\x02"));
  EXPECT_EQ(505, status_of(server, "GET / HTTP/2.0\r\nHost: t\r\n\r\n"));
  EXPECT_EQ(400, status_of(server, "GET / HTTP/1.1\r\n\r\n"));
  EXPECT_EQ(400, status_of(server, get("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n")));
  EXPECT_EQ(400, status_of(server, get("Content-Length: 1\r\nContent-Length: 2\r\n")));
  EXPECT_EQ(501, status_of(server, get("Transfer-Encoding: gzip\r\n")));
  EXPECT_EQ(400, status_of(server, get("Transfer-Encoding: chunked\r\n") + "zz\r\n"));
  EXPECT_EQ(8u, server.counters().requests_bad);
  EXPECT_EQ(0u, server.counters().requests);
}

TEST(HttpLimits, ASmuggledSecondRequestIsNeverServed) {
  std::atomic<int> admin = 0;
  TestServer server([&](HttpRequest request, HttpHandler::Respond respond) {
    if (request.path == "/admin") ++admin;
    respond(text_response(""));
  });
  const std::string hidden = "GET /admin HTTP/1.1\r\nHost: t\r\n\r\n";
  status_of(server,
            get("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n" + hidden);
  status_of(server, get("Content-Length: 0\r\nContent-Length: 36\r\n") + hidden);
  status_of(server, get("Transfer-Encoding:\x0b"
                        "chunked\r\n") +
                        "0\r\n\r\n" + hidden);
  status_of(server, get("Transfer-Encoding: chunked\r\n") + "0;\n\r\n\r\n" + hidden);
  status_of(server, "GET / HTTP/1.1\r\nHost: t\r\nX: a\n\n" + hidden);
  EXPECT_EQ(0, admin);
}

TEST(HttpLimits, SizesOfTheHead) {
  HttpServerOptions options;
  options.limits.head_bytes_max = 4096;
  options.limits.target_bytes_max = 1000;
  options.limits.header_count_max = 10;
  TestServer server(echo, options);
  EXPECT_EQ(431, status_of(server, get("A: " + std::string(5000, 'x') + "\r\n")));
  EXPECT_EQ(431, status_of(server, "GET / HTTP/1.1\r\nA: " + std::string(5000, 'x')));
  EXPECT_EQ(414, status_of(server, "GET /" + std::string(2000, 'x') + " HTTP/1.1\r\n"));
  std::string fields;
  for (int i = 0; i < 11; ++i) fields += "F: x\r\n";
  EXPECT_EQ(431, status_of(server, get(fields)));
  RawClient fits(server.port());
  EXPECT_EQ(200, fits.exchange(get("A: " + std::string(3000, 'x') + "\r\n")).status);
}

TEST(HttpLimits, SizeOfTheBody) {
  HttpServerOptions options;
  options.limits.body_bytes_max = 1000;
  TestServer server(echo, options);
  EXPECT_EQ(413, status_of(server, get("Content-Length: 1001\r\nExpect: 100-continue\r\n")));
  EXPECT_EQ(413, status_of(server, get("Content-Length: 1001\r\n") + std::string(1001, 'x')));
  EXPECT_EQ(413, status_of(server, get("Transfer-Encoding: chunked\r\n") + "200\r\n" +
                                       std::string(512, 'x') + "\r\n200\r\n"));
}

TEST(HttpLimits, TheAnswerSurvivesAClientThatIsStillSending) {
  HttpServerOptions options;
  options.limits.body_bytes_max = 1000;
  TestServer server(echo, options);
  for (int i = 0; i < 20; ++i) {
    RawClient client(server.port());
    client.send(get("Content-Length: 5000000\r\n"));
    client.send(std::string(5'000'000, 'x'));
    ASSERT_EQ(413, client.response().status) << i;
  }
}

TEST(HttpLimits, TheServiceWordsTheErrors) {
  HttpServerOptions options;
  options.on_bad_request = [](int status, std::string_view reason) {
    HttpResponse response = text_response("<Error>" + std::string(reason) + "</Error>", status);
    response.headers.add("Content-Type", "application/xml");
    return response;
  };
  TestServer server(echo, options);
  RawClient client(server.port());
  ReceivedResponse response = client.exchange("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
  EXPECT_EQ(400, response.status);
  EXPECT_EQ("<Error>The request must have one Host field.</Error>", response.body);
  EXPECT_EQ("application/xml", response.headers.get("content-type"));
}

// Connections in the middle of a request are not shed.
const std::string begun = "PUT / HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\n1";

TEST(HttpLimits, NumberOfConnections) {
  HttpServerOptions options;
  options.connections_max = 2;
  TestServer server(echo, options, 1);
  RawClient first(server.port());
  auto second = std::make_unique<RawClient>(server.port());
  first.send(begun);
  second->send(begun);
  ASSERT_TRUE(eventually([&] { return server.counters().connections_active == 2; }));
  std::this_thread::sleep_for(milliseconds(300));
  RawClient third(server.port());
  EXPECT_EQ(503, third.response().status);
  EXPECT_TRUE(third.ended());
  EXPECT_EQ(1u, server.counters().connections_refused);
  EXPECT_EQ(200, first.exchange("2").status);
  second.reset();
  EXPECT_TRUE(eventually([&] { return server.counters().connections_active == 1; }));
  RawClient fourth(server.port());
  EXPECT_EQ(200, fourth.exchange(get()).status);
}

TEST(HttpLimits, IdleConnectionsMakeRoom) {
  HttpServerOptions options;
  options.connections_max = 8;
  TestServer server(echo, options, 2);
  RawClient busy(server.port());
  busy.send(begun);
  std::vector<std::unique_ptr<RawClient>> idle;
  for (int i = 0; i < 6; ++i) {
    idle.push_back(std::make_unique<RawClient>(server.port()));
    if (i % 2) idle.back()->send("GET / HTTP/1.1\r\nHo");
  }
  std::this_thread::sleep_for(milliseconds(400));
  for (int i = 0; i < 20; ++i) {
    RawClient client(server.port());
    // Connections of another loop are closed a moment later.
    if (client.exchange(get()).status == 200) continue;
    std::this_thread::sleep_for(milliseconds(50));
    RawClient again(server.port());
    ASSERT_EQ(200, again.exchange(get()).status) << i;
  }
  EXPECT_GT(server.counters().connections_shed, 0u);
  EXPECT_EQ(200, busy.exchange("2").status);
}

HttpServerOptions impatient() {
  HttpServerOptions options;
  options.idle_timeout = milliseconds(120);
  options.head_timeout = milliseconds(120);
  options.progress_timeout = milliseconds(120);
  return options;
}

TEST(HttpLimits, ASlowHeadIsAnswered408) {
  TestServer server(echo, impatient());
  RawClient client(server.port());
  std::atomic<bool> done = false;
  std::thread sender([&] {
    for (char c : get("X-Slow: " + std::string(1000, 'x'))) {
      if (done || !client.send(std::string(1, c))) return;
      std::this_thread::sleep_for(milliseconds(10));
    }
  });
  EXPECT_EQ(408, client.response().status);
  done = true;
  sender.join();
  EXPECT_TRUE(client.ended());
  EXPECT_EQ(1u, server.counters().timeouts);
}

TEST(HttpLimits, IdleConnectionsAreClosed) {
  TestServer server(echo, impatient());
  RawClient fresh(server.port());
  RawClient used(server.port());
  EXPECT_EQ(200, used.exchange(get()).status);
  EXPECT_TRUE(fresh.ended());
  EXPECT_TRUE(used.ended());
  EXPECT_EQ("", fresh.received());
  EXPECT_EQ("", used.received());
}

TEST(HttpLimits, ABodyWithoutProgressIsAnswered408) {
  TestServer server(echo, impatient());
  RawClient silent(server.port());
  silent.send("PUT / HTTP/1.1\r\nHost: t\r\nContent-Length: 100000\r\n\r\nstart");
  EXPECT_EQ(408, silent.response().status);
  EXPECT_TRUE(silent.ended());
  // Sends fewer than slow_body_bytes_min bytes in the time.
  RawClient trickle(server.port());
  trickle.send("PUT / HTTP/1.1\r\nHost: t\r\nContent-Length: 100000\r\n\r\n");
  std::atomic<bool> done = false;
  std::thread sender([&] {
    while (!done && trickle.send("x")) std::this_thread::sleep_for(milliseconds(10));
  });
  EXPECT_EQ(408, trickle.response().status);
  done = true;
  sender.join();
}

TEST(HttpLimits, ASteadyBodyMayTakeLong) {
  HttpServerOptions options = impatient();
  options.slow_body_bytes_min = 10;
  TestServer server(echo, options);
  RawClient client(server.port());
  client.send("PUT /s HTTP/1.1\r\nHost: t\r\nContent-Length: 500\r\n\r\n");
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(client.send("0123456789"));
    std::this_thread::sleep_for(milliseconds(10));
  }
  EXPECT_EQ(200, client.response().status);
}

TEST(HttpLimits, ASlowConsumerIsNotTheClientsFault) {
  TestServer* running = nullptr;
  TestServer server(
      [&](HttpRequest request, HttpHandler::Respond respond) {
        running->submit([request = std::move(request), respond = std::move(respond)]() mutable {
          std::this_thread::sleep_for(milliseconds(400));
          Result<std::string> all = read_all(*request.stream, 1u << 30);
          respond(text_response(all ? "all" : all.error().message));
        });
      },
      impatient());
  running = &server;
  RawClient client(server.port());
  client.send("PUT / HTTP/1.1\r\nHost: t\r\nContent-Length: 8000000\r\n\r\n");
  client.send(std::string(8'000'000, 'x'));
  EXPECT_EQ("all", client.response().body);
}

TEST(HttpLimits, AStreamedBodyWithoutProgressFailsItsConsumer) {
  TestServer* running = nullptr;
  TestServer server(
      [&](HttpRequest request, HttpHandler::Respond respond) {
        running->submit([request = std::move(request), respond = std::move(respond)]() mutable {
          Result<std::string> all = read_all(*request.stream, 1u << 30);
          respond(text_response(all ? "all" : all.error().code, 408));
        });
      },
      impatient());
  running = &server;
  RawClient client(server.port());
  client.send("PUT / HTTP/1.1\r\nHost: t\r\nContent-Length: 8000000\r\n\r\nabc");
  ReceivedResponse response = client.response();
  EXPECT_EQ(408, response.status);
  EXPECT_EQ(codes::kTimeout, response.body);
  EXPECT_TRUE(client.ended());
}

TEST(HttpLimits, AClientThatTakesNothingIsCutOff) {
  TestServer server(
      [](HttpRequest, HttpHandler::Respond respond) {
        respond(text_response(std::string(64 << 20, 'x')));
      },
      impatient());
  RawClient client(server.port(), 16 * 1024);
  client.send(get());
  EXPECT_TRUE(eventually([&] { return server.counters().timeouts == 1; }));
  EXPECT_TRUE(eventually([&] { return server.counters().connections_active == 0; }));
}

TEST(HttpLimits, AClientThatTakesTooLittleIsCutOff) {
  HttpServerOptions options = impatient();
  options.slow_body_bytes_min = 512 * 1024;
  TestServer server(
      [](HttpRequest, HttpHandler::Respond respond) {
        respond(text_response(std::string(64 << 20, 'x')));
      },
      options);
  RawClient client(server.port(), 16 * 1024);
  client.send(get());
  std::size_t before = 0;
  while (client.receive(milliseconds(2000)) && client.received().size() < (60u << 20)) {
    std::this_thread::sleep_for(milliseconds(10));
    before = client.received().size();
  }
  EXPECT_LT(before, 60u << 20);
  EXPECT_TRUE(eventually([&] { return server.counters().timeouts == 1; }));
}

TEST(HttpLimits, AHandlerMayTakeItsTime) {
  TestServer* running = nullptr;
  TestServer server(
      [&](HttpRequest, HttpHandler::Respond respond) {
        running->submit([respond = std::move(respond)]() mutable {
          std::this_thread::sleep_for(milliseconds(400));
          respond(text_response("slow"));
        });
      },
      impatient());
  running = &server;
  RawClient client(server.port());
  EXPECT_EQ("slow", client.exchange(get()).body);
}

}  // namespace
}  // namespace tidemill::wire
