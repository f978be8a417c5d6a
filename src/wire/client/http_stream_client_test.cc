// Responses that arrive in pieces, and requests that may be sent twice.
#include <future>
#include <mutex>
#include <thread>

#include "base/push_body.h"
#include "wire/client/http_client.h"
#include "wire/client/scripted_server.h"
#include "wire/server/http_test_support.h"

namespace tidemill::wire {
namespace {

// Collects what a stream delivers.
struct Collected {
  std::atomic<int> status = 0;
  std::atomic<std::size_t> bytes = 0;
  std::atomic<int> chunks = 0;
  std::mutex mutex;
  std::string body;  // guarded by mutex
  std::promise<Result<void>> end;

  StreamCallbacks callbacks() {
    return {.head = [this](int code, Headers) { status = code; },
            .chunk =
                [this](std::string piece) {
                  EXPECT_FALSE(piece.empty());
                  std::lock_guard lock(mutex);
                  body += piece;
                  bytes = body.size();
                  ++chunks;
                },
            .end = [this](Result<void> result) { end.set_value(std::move(result)); }};
  }
  Result<void> wait() { return end.get_future().get(); }
};

ClientRequest post(std::string body) {
  ClientRequest request;
  request.method = "POST";
  request.target = "/invocations";
  request.body = std::move(body);
  return request;
}

struct StreamClientTest : testing::Test {
  // A server whose body the test pushes.
  void serve() {
    server = std::make_unique<TestServer>([this](HttpRequest, HttpHandler::Respond respond) {
      PushBody body = make_push_body();
      HttpResponse response;
      response.push = std::move(body.reader);
      body.writer.on_event(
          [this](PushWriter::Event event) { ++(event == PushWriter::Event::gone ? gone : room); });
      respond(std::move(response));
      writer.set_value(std::move(body.writer));
    });
    there = Destination::tcp("127.0.0.1", server->port());
  }
  PushWriter next_writer() {
    PushWriter result = writer.get_future().get();
    writer = {};
    return result;
  }

  std::atomic<int> gone = 0;
  std::atomic<int> room = 0;
  std::promise<PushWriter> writer;
  Destination there;
  std::unique_ptr<TestServer> server;
  runtime::EventLoops loops{1};
  HttpClient client{loops};
};

TEST_F(StreamClientTest, PiecesComeWhenTheyAreMade) {
  serve();
  Collected got;
  const auto handle = client.stream(there, post("x"), {}, got.callbacks());
  PushWriter producer = next_writer();
  EXPECT_TRUE(eventually([&] { return got.status == 200; }));
  for (const char* piece : {"one", "two", "three"}) {
    const int before = got.chunks;
    producer.push(piece);
    EXPECT_TRUE(eventually([&] { return got.chunks == before + 1; }));
  }
  producer.finish();
  EXPECT_TRUE(got.wait());
  EXPECT_EQ("onetwothree", got.body);
  handle->cancel();  // after the end this does nothing
  handle->resume();
  Collected again;
  client.stream(there, post("x"), {}, again.callbacks());
  next_writer().finish();
  EXPECT_TRUE(again.wait());
  EXPECT_EQ(1u, server->counters().connections_accepted) << "the connection is kept";
}

TEST_F(StreamClientTest, APauseIsFeltByTheServer) {
  serve();
  Collected got;
  const auto handle = client.stream(there, post("x"), {}, got.callbacks());
  PushWriter producer = next_writer();
  producer.push("first");
  ASSERT_TRUE(eventually([&] { return got.chunks == 1; }));
  handle->pause();
  std::this_thread::sleep_for(milliseconds(20));
  const std::size_t before = got.bytes;
  std::string expected = "first";
  int seen = room;
  for (bool held_up = false; !held_up;) {
    bool full = false;
    while (!full) {
      std::string piece(16384, char('a' + expected.size() / 16384 % 26));
      expected += piece;
      full = !producer.push(std::move(piece));
    }
    ASSERT_LT(expected.size(), 64u << 20) << "nothing holds it up";
    held_up = !eventually([&] { return room > seen; }, milliseconds(200));
    seen = room;
  }
  EXPECT_LE(got.bytes, before + 2 * 65536) << "a paused stream delivers no more";
  producer.finish();
  handle->resume();
  EXPECT_TRUE(got.wait());
  EXPECT_TRUE(expected == got.body);
}

TEST_F(StreamClientTest, PausingInACallbackActsAtOnce) {
  serve();
  std::shared_ptr<ResponseStream> handle;
  std::promise<std::shared_ptr<ResponseStream>> known;
  std::atomic<int> chunks = 0;
  std::promise<Result<void>> end;
  auto ready = known.get_future().share();
  handle = client.stream(there, post("x"), {},
                         {.head = [](int, Headers) {},
                          .chunk =
                              [&](std::string) {
                                ++chunks;
                                ready.get()->pause();
                              },
                          .end = [&](Result<void> result) { end.set_value(std::move(result)); }});
  known.set_value(handle);
  PushWriter producer = next_writer();
  producer.push("a");
  ASSERT_TRUE(eventually([&] { return chunks == 1; }));
  producer.push("b");
  std::this_thread::sleep_for(milliseconds(50));
  EXPECT_EQ(1, chunks);
  handle->resume();
  EXPECT_TRUE(eventually([&] { return chunks == 2; }));
  handle->cancel();
  EXPECT_EQ(codes::kCancelled, end.get_future().get().error().code);
}

TEST_F(StreamClientTest, ACancelledStreamIsGoneForTheServer) {
  serve();
  Collected got;
  const auto handle = client.stream(there, post("x"), {}, got.callbacks());
  PushWriter producer = next_writer();
  producer.push("x");
  ASSERT_TRUE(eventually([&] { return got.chunks == 1; }));
  handle->cancel();
  EXPECT_EQ(codes::kCancelled, got.wait().error().code);
  EXPECT_TRUE(eventually([&] { return gone == 1; }, std::chrono::seconds(2)));
}

TEST_F(StreamClientTest, CancellingInACallbackIsSafe) {
  serve();
  std::promise<std::shared_ptr<ResponseStream>> known;
  auto ready = known.get_future().share();
  std::promise<Result<void>> end;
  // Objects that the callbacks hold are used after the cancellation.
  auto held = std::make_shared<std::string>("held");
  auto result = std::make_shared<std::atomic<std::size_t>>(0);
  known.set_value(
      client.stream(there, post("x"), {},
                    {.head = [](int, Headers) {},
                     .chunk =
                         [ready, held, result](std::string) {
                           ready.get()->cancel();
                           *result = held->size();
                         },
                     .end = [&](Result<void> ended) { end.set_value(std::move(ended)); }}));
  PushWriter producer = next_writer();
  producer.push("x");
  EXPECT_FALSE(end.get_future().get());
  EXPECT_TRUE(eventually([&] { return *result == 4; }));
}

TEST_F(StreamClientTest, TimeLimits) {
  ScriptedServer silent({{"", true}});
  Collected headless;
  client.stream(silent.destination(), post("x"), {.head_timeout = milliseconds(60)},
                headless.callbacks());
  EXPECT_EQ(codes::kTimeout, headless.wait().error().code);
  ScriptedServer stuck({{"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", true}});
  Collected half;
  client.stream(stuck.destination(), post("x"), {.idle_timeout = milliseconds(60)},
                half.callbacks());
  EXPECT_EQ(codes::kTimeout, half.wait().error().code);
  EXPECT_EQ("half", half.body);

  serve();
  Collected paced;  // each piece within the limit, all together far beyond
  client.stream(there, post("x"), {.idle_timeout = milliseconds(150)}, paced.callbacks());
  PushWriter producer = next_writer();
  for (int i = 0; i < 8; ++i) {
    std::this_thread::sleep_for(milliseconds(50));
    producer.push("x");
  }
  producer.finish();
  EXPECT_TRUE(paced.wait());
  Collected all;
  client.stream(there, post("x"), {.timeout = milliseconds(200)}, all.callbacks());
  PushWriter endless = next_writer();
  for (int i = 0; i < 100 && gone == 0; ++i) {
    std::this_thread::sleep_for(milliseconds(10));
    endless.push("x");
  }
  EXPECT_EQ(codes::kTimeout, all.wait().error().code);
}

TEST_F(StreamClientTest, APausedStreamIsNotIdle) {
  serve();
  Collected got;
  const auto handle =
      client.stream(there, post("x"), {.idle_timeout = milliseconds(60)}, got.callbacks());
  PushWriter producer = next_writer();
  producer.push("a");
  ASSERT_TRUE(eventually([&] { return got.chunks == 1; }));
  handle->pause();
  std::this_thread::sleep_for(milliseconds(200));
  handle->resume();
  producer.push("b");
  producer.finish();
  EXPECT_TRUE(got.wait());
  EXPECT_EQ("ab", got.body);
}

TEST_F(StreamClientTest, FailuresComeAfterWhatWasThere) {
  ScriptedServer server(
      {{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"},
       {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n"},
       {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n123456789"},
       {"HTTP/1.1 500 Oops\r\n\r\nuntil the end"},
       {"no HTTP\r\n\r\n"}});
  const char* expected[] = {codes::kIo, codes::kInvalid, codes::kOverloaded, nullptr,
                            codes::kInvalid};
  const char* bodies[] = {"half", "half", "", "until the end", ""};
  for (int i = 0; i < 5; ++i) {
    Collected got;
    client.stream(server.destination(), post("x"), {.response_bytes_max = i == 2 ? 8u : 100u},
                  got.callbacks());
    const Result<void> ended = got.wait();
    if (expected[i])
      EXPECT_EQ(expected[i], ended.error().code) << i;
    else
      EXPECT_TRUE(ended) << i;
    EXPECT_EQ(bodies[i], got.body) << i;
    if (i == 3) EXPECT_EQ(500, got.status);
  }
  Collected refused;
  client.stream(Destination::unix_socket("/nowhere/s"), post("x"), {}, refused.callbacks());
  EXPECT_EQ(codes::kIo, refused.wait().error().code);
  Collected stopped;
  serve();
  client.stream(there, post("x"), {}, stopped.callbacks());
  PushWriter producer = next_writer();
  client.stop();
  EXPECT_EQ(codes::kCancelled, stopped.wait().error().code);
}

const std::string kept = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

// The server takes the second request and closes silently: it may have processed it.
TEST_F(StreamClientTest, WhatMayHaveRunIsNotSentAgain) {
  for (int round = 0; round < 3; ++round) {
    ScriptedServer server({{kept, false, 1}, {kept}});
    ClientRequest request = post("x");
    if (round == 1) request.idempotent = true;
    if (round == 2) request.method = "GET";
    ASSERT_EQ("ok", client.request_and_wait(server.destination(), request, {})->body);
    const Result<ClientResponse> second =
        client.request_and_wait(server.destination(), request, {});
    EXPECT_EQ(round != 0, second.has_value());
    EXPECT_EQ(round == 0 ? 1 : 2, server.connections());
    EXPECT_EQ(round == 0 ? 2 : 3, server.requests());
  }
}

// The server has closed the kept connection, and the loop has not noticed yet.
TEST_F(StreamClientTest, AClosedConnectionIsSeenBeforeItIsUsed) {
  for (int round = 0; round < 20; ++round) {
    ScriptedServer server({{kept}, {kept}});
    std::promise<Result<ClientResponse>> second;
    client.request(server.destination(), post("x"), {}, [&](Result<ClientResponse> first) {
      EXPECT_TRUE(first);
      EXPECT_TRUE(eventually([&] { return server.closed() == 1; }));
      client.request(server.destination(), post("x"), {},
                     [&](Result<ClientResponse> result) { second.set_value(std::move(result)); });
    });
    const Result<ClientResponse> result = second.get_future().get();
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(2, server.requests());
  }
}

TEST_F(StreamClientTest, KeptConnectionsAreNotKeptForLong) {
  HttpClient brief(loops, {.idle_timeout = milliseconds(50)});
  TestServer echoing(echo);
  const Destination echo_there = Destination::tcp("127.0.0.1", echoing.port());
  // The timeout of the request makes no difference.
  for (const milliseconds timeout : {milliseconds(80), milliseconds(std::chrono::hours(1))}) {
    ASSERT_TRUE(brief.request_and_wait(echo_there, post("x"), {.timeout = timeout}));
    EXPECT_TRUE(eventually([&] { return echoing.counters().connections_active == 0; },
                           std::chrono::seconds(2)));
  }
}

}  // namespace
}  // namespace tidemill::wire
