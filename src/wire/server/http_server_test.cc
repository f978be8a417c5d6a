// Connections, framing and answers of the HTTP server.
#include "wire/server/http_server.h"

#include <fcntl.h>

#include <thread>

#include "wire/server/http_test_support.h"

namespace tidemill::wire {
namespace {

const std::string get_a = "GET /a HTTP/1.1\r\nHost: t\r\n\r\n";

TEST(HttpServer, KeepsTheConnection) {
  TestServer server(echo);
  RawClient client(server.port());
  for (int i = 0; i < 3; ++i) {
    ReceivedResponse response = client.exchange(get_a);
    EXPECT_EQ(200, response.status);
    EXPECT_EQ("GET /a ", response.body);
    EXPECT_EQ("7", response.headers.get("content-length"));
    EXPECT_EQ("Tidemill", response.headers.get("server"));
    EXPECT_TRUE(parse_http_date(response.headers.get("date")));
  }
  EXPECT_EQ(1u, server.counters().connections_accepted);
  EXPECT_EQ(3u, server.counters().requests);
}

TEST(HttpServer, ClosesWhenAsked) {
  TestServer server(echo);
  RawClient client(server.port());
  ReceivedResponse response =
      client.exchange("GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
  EXPECT_EQ("close", response.headers.get("connection"));
  EXPECT_TRUE(client.ended());
  RawClient old(server.port());
  EXPECT_EQ(200, old.exchange("GET / HTTP/1.0\r\n\r\n").status);
  EXPECT_TRUE(old.ended());
  RawClient old_kept(server.port());
  const std::string keep = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
  EXPECT_EQ("keep-alive", old_kept.exchange(keep).headers.get("connection"));
  EXPECT_EQ(200, old_kept.exchange(keep).status);
}

TEST(HttpServer, AnswersPipelinedRequestsInOrder) {
  TestServer* running = nullptr;
  // The first answers are the slowest.
  TestServer server([&](HttpRequest request, HttpHandler::Respond respond) {
    if (request.path.ends_with("0")) {
      running->submit([request = std::move(request), respond = std::move(respond)]() mutable {
        std::this_thread::sleep_for(milliseconds(20));
        respond(text_response(request.path));
      });
      return;
    }
    respond(text_response(request.path));
  });
  running = &server;
  RawClient client(server.port());
  std::string requests;
  for (int i = 0; i < 50; ++i)
    requests += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: t\r\n\r\n";
  client.send(requests);
  for (int i = 0; i < 50; ++i) EXPECT_EQ("/" + std::to_string(i), client.response().body);
}

TEST(HttpServer, PipelinedLargeAnswersStayBounded) {
  TestServer server([](HttpRequest, HttpHandler::Respond respond) {
    respond(text_response(std::string(15'000, 'x')));
  });
  RawClient client(server.port());
  std::string requests;
  for (int i = 0; i < 500; ++i) requests += get_a;
  std::thread sender([&] { client.send(requests); });
  sender.join();
  for (int i = 0; i < 500; ++i) ASSERT_EQ(15'000u, client.response().body.size()) << i;
}

TEST(HttpServer, ReadsBodiesByLengthAndInChunks) {
  TestServer server(echo);
  RawClient client(server.port());
  EXPECT_EQ("PUT /b hello",
            client.exchange("PUT /b HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello").body);
  client.send("PUT /b HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel");
  std::this_thread::sleep_for(milliseconds(10));
  client.send("\r\n2\r\nlo\r\n0\r\n\r");
  std::this_thread::sleep_for(milliseconds(10));
  client.send("\n" + get_a);
  EXPECT_EQ("PUT /b hello", client.response().body);
  EXPECT_EQ("GET /a ", client.response().body);
}

TEST(HttpServer, ReadsRequestsByteByByte) {
  TestServer server(echo);
  RawClient client(server.port());
  for (char c : std::string("POST /x HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nabc")) {
    client.send(std::string(1, c));
    std::this_thread::sleep_for(milliseconds(1));
  }
  EXPECT_EQ("POST /x abc", client.response().body);
}

TEST(HttpServer, SaysContinueBeforeTheBody) {
  TestServer server(echo);
  RawClient client(server.port());
  client.send("PUT /c HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(100, client.response().status);
  client.send("ok");
  EXPECT_EQ("PUT /c ok", client.response().body);
}

TEST(HttpServer, DecodesTheTarget) {
  HttpRequest seen;
  TestServer server([&](HttpRequest request, HttpHandler::Respond respond) {
    seen = std::move(request);
    respond(text_response(""));
  });
  RawClient client(server.port());
  client.exchange("GET /b/k%20x?p=1&uploads HTTP/1.1\r\nHost: example\r\n\r\n");
  EXPECT_EQ("/b/k x", seen.path);
  EXPECT_EQ("/b/k%20x", seen.raw_path);
  EXPECT_EQ("p=1&uploads", seen.raw_query);
  ASSERT_NE(nullptr, seen.find_query("uploads"));
  EXPECT_FALSE(seen.find_query("uploads")->has_value);
  EXPECT_TRUE(seen.remote_address.starts_with("127.0.0.1:"));
  EXPECT_FALSE(seen.tls);
  EXPECT_EQ(400, client.exchange("GET /%zz HTTP/1.1\r\nHost: t\r\n\r\n").status);
}

TEST(HttpServer, HeadHasALengthAndNoBody) {
  TestServer server([](HttpRequest request, HttpHandler::Respond respond) {
    HttpResponse response = text_response("12345");
    if (request.path == "/object") {
      response.body.clear();
      response.head_content_length = 123456789;
    }
    respond(std::move(response));
  });
  RawClient client(server.port());
  client.send("HEAD /x HTTP/1.1\r\nHost: t\r\n\r\nHEAD /object HTTP/1.1\r\nHost: t\r\n\r\n" +
              get_a);
  EXPECT_EQ("5", client.response(true).headers.get("content-length"));
  EXPECT_EQ("123456789", client.response(true).headers.get("content-length"));
  EXPECT_EQ("12345", client.response().body);
}

TEST(HttpServer, StatusesWithoutABodyHaveNone) {
  TestServer server([](HttpRequest request, HttpHandler::Respond respond) {
    respond(text_response("not sent", request.path == "/204" ? 204 : 304));
  });
  RawClient client(server.port());
  client.send("GET /204 HTTP/1.1\r\nHost: t\r\n\r\nGET /304 HTTP/1.1\r\nHost: t\r\n\r\n");
  ReceivedResponse first = client.response();
  EXPECT_EQ(204, first.status);
  EXPECT_EQ(nullptr, first.headers.find("content-length"));
  EXPECT_EQ(304, client.response().status);
  EXPECT_EQ("", client.received());
}

TEST(HttpServer, FieldsCannotSplitTheResponse) {
  TestServer server([](HttpRequest, HttpHandler::Respond respond) {
    HttpResponse response = text_response("x");
    response.headers.add("X-Echo", "a\r\nSet-Cookie: b");
    response.headers.add("Server", "AmazonS3");
    response.headers.add("Content-Length", "99");
    respond(std::move(response));
  });
  RawClient client(server.port());
  ReceivedResponse response = client.exchange(get_a);
  EXPECT_EQ("a  Set-Cookie: b", response.headers.get("x-echo"));
  EXPECT_EQ("AmazonS3", response.headers.get("server"));
  EXPECT_EQ("1", response.headers.get("content-length"));
}

TEST(HttpServer, AForgottenRequestIsAnswered) {
  TestServer server([](HttpRequest request, HttpHandler::Respond) {
    if (request.path == "/throw") throw std::runtime_error("broken");
  });
  RawClient client(server.port());
  EXPECT_EQ(500, client.exchange(get_a).status);
  EXPECT_EQ(500, client.exchange("GET /throw HTTP/1.1\r\nHost: t\r\n\r\n").status);
}

TEST(HttpServer, AnswersAHalfClosedClient) {
  TestServer* running = nullptr;
  TestServer server([&](HttpRequest, HttpHandler::Respond respond) {
    running->submit([respond = std::move(respond)]() mutable {
      std::this_thread::sleep_for(milliseconds(30));
      respond(text_response("late"));
    });
  });
  running = &server;
  RawClient client(server.port());
  client.send(get_a + get_a);
  client.shutdown_write();
  EXPECT_EQ("late", client.response().body);
  EXPECT_EQ("late", client.response().body);
  EXPECT_TRUE(client.ended());
}

TEST(HttpServer, TwoServersCannotShareAPort) {
  TestServer server(echo);
  HttpServerOptions options;
  options.port = server.port();
  HttpServer second(server.loops, server.pool, server.handler, options);
  Result<void> started = second.start();
  ASSERT_FALSE(started);
  EXPECT_NE(std::string::npos, started.error().message.find("in use"));
  options.address = "nonsense";
  HttpServer third(server.loops, server.pool, server.handler, options);
  EXPECT_FALSE(third.start());
}

TEST(HttpServer, StopFinishesWhatIsInFlight) {
  TestServer* running = nullptr;
  std::atomic<bool> started = false;
  TestServer server([&](HttpRequest, HttpHandler::Respond respond) {
    started = true;
    running->submit([respond = std::move(respond)]() mutable {
      std::this_thread::sleep_for(milliseconds(150));
      respond(text_response("finished"));
    });
  });
  running = &server;
  RawClient idle(server.port());
  RawClient busy(server.port());
  busy.send(get_a);
  ASSERT_TRUE(eventually([&] { return started.load(); }));
  server.server->stop();
  ReceivedResponse response = busy.response();
  EXPECT_EQ("finished", response.body);
  EXPECT_EQ("close", response.headers.get("connection"));
  EXPECT_TRUE(idle.ended());
  EXPECT_EQ(0u, server.counters().connections_active);
  EXPECT_EQ(0u, server.counters().requests_active);
}

TEST(HttpServer, StopDoesNotWaitForTheRestOfAHead) {
  HttpServerOptions options;
  options.stop_grace = std::chrono::seconds(60);
  TestServer server(echo, options);
  const std::string half = "GET /a HTTP/1.1\r\nHost: a\r\nX-Ha";
  const std::string begun_upload = "POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab";
  RawClient first(server.port());
  first.send(half);
  RawClient second(server.port());  // it is answered once, and has begun its next request
  second.send(get_a);
  EXPECT_EQ("GET /a ", second.response().body);
  second.send("P");
  RawClient uploading(server.port());  // its head is complete: it gets its grace
  uploading.send(begun_upload);
  const std::size_t sent = half.size() + get_a.size() + 1 + begun_upload.size();
  ASSERT_TRUE(eventually([&] { return server.counters().bytes_received == sent; }));
  const auto began = std::chrono::steady_clock::now();
  std::thread stopper([&] { server.server->stop(); });
  EXPECT_TRUE(first.ended());
  EXPECT_TRUE(second.ended());
  uploading.send("cd");
  EXPECT_EQ("POST /b abcd", uploading.response().body);
  stopper.join();
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(20));
}

TEST(HttpServer, StopLetsResponsesOut) {
  TestServer server([](HttpRequest, HttpHandler::Respond respond) {
    respond(text_response(std::string(32 << 20, 'x')));
  });
  RawClient client(server.port(), 16 * 1024);
  client.send(get_a);
  ASSERT_TRUE(eventually([&] { return server.counters().requests_active == 1; }));
  std::thread stopper([&] { server.server->stop(); });
  EXPECT_EQ(std::size_t(32 << 20), client.response().body.size());
  EXPECT_TRUE(client.ended());
  stopper.join();
}

TEST(HttpServer, StopCutsOffWhatTakesTooLong) {
  HttpServerOptions options;
  options.stop_grace = milliseconds(50);
  HttpHandler::Respond kept;
  std::atomic<bool> started = false;
  TestServer server(
      [&](HttpRequest, HttpHandler::Respond respond) {
        kept = std::move(respond);
        started = true;
      },
      options);
  RawClient client(server.port());
  client.send(get_a);
  ASSERT_TRUE(eventually([&] { return started.load(); }));
  server.server->stop();
  EXPECT_TRUE(client.ended());
  kept(text_response("too late"));  // does nothing
}

TEST(HttpServer, ManyConnectionsAtOnce) {
  TestServer* running = nullptr;
  TestServer server([&](HttpRequest request, HttpHandler::Respond respond) {
    auto task = [request = std::move(request), respond = std::move(respond)]() mutable {
      respond(text_response(request.path));
    };
    if (!running->pool.try_submit(std::move(task))) FAIL() << "the pool is full";
  });
  running = &server;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int c = 0; c < 10; ++c) {
        RawClient client(server.port());
        for (int i = 0; i < 20; ++i) {
          const std::string path = "/" + std::to_string(t * 1000 + c * 100 + i);
          ASSERT_EQ(path, client.exchange("GET " + path + " HTTP/1.1\r\nHost: t\r\n\r\n").body);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(1600u, server.counters().requests);
  EXPECT_TRUE(eventually([&] { return server.counters().connections_active == 0; }));
}

}  // namespace
}  // namespace tidemill::wire
