// Bodies that are made while they are sent: slow clients, clients that leave, many streams at once.
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "base/push_body.h"
#include "wire/server/http_test_support.h"

namespace tidemill::wire {
namespace {

constexpr std::string_view get = "GET /stream HTTP/1.1\r\nHost: t\r\n\r\n";

// Answers every request with a body that the test pushes.
struct PushServer {
  explicit PushServer(HttpServerOptions options = {})
      : server(
            [this](HttpRequest, HttpHandler::Respond respond) {
              PushBody body = make_push_body();
              HttpResponse response;
              response.headers.add("Content-Type", "text/plain");
              response.push = std::move(body.reader);
              body.writer.on_event([this](PushWriter::Event event) {
                if (event == PushWriter::Event::gone) ++gone;
                if (event == PushWriter::Event::room) ++room;
              });
              {
                std::lock_guard lock(mutex);
                writers.push_back(std::move(body.writer));
              }
              respond(std::move(response));
            },
            std::move(options)) {}

  PushWriter& writer(std::size_t index = 0) {
    EXPECT_TRUE(eventually([&] {
      std::lock_guard lock(mutex);
      return writers.size() > index;
    }));
    std::lock_guard lock(mutex);
    return writers[index];
  }

  std::atomic<int> gone = 0;
  std::atomic<int> room = 0;
  std::mutex mutex;
  std::deque<PushWriter> writers;  // guarded by mutex; references stay
  TestServer server;
};

TEST(HttpPush, PiecesGoOutWhenTheyAreMade) {
  PushServer stream;
  RawClient client(stream.server.port());
  client.send(get);
  PushWriter& writer = stream.writer();
  EXPECT_TRUE(eventually([&] {
    client.receive(milliseconds(10));
    return client.received().find("\r\n\r\n") != std::string::npos;
  })) << "the head does not wait for the first piece";
  EXPECT_NE(std::string::npos, client.received().find("Transfer-Encoding: chunked\r\n"));
  writer.push("hello");
  EXPECT_TRUE(eventually([&] {
    client.receive(milliseconds(10));
    return client.received().ends_with("\r\n\r\n5\r\nhello\r\n");
  }));
  writer.push(" world");
  writer.finish();
  const ReceivedResponse response = client.response();
  EXPECT_TRUE(response.complete);
  EXPECT_EQ("hello world", response.body);
  client.send(get);  // the connection goes on
  stream.writer(1).push("again");
  stream.writer(1).finish();
  EXPECT_EQ("again", client.response().body);
  EXPECT_EQ(0, stream.gone);
}

TEST(HttpPush, ASlowClientHoldsItsProducerUp) {
  PushServer stream;
  RawClient client(stream.server.port(), 4096);
  client.send(get);
  PushWriter& writer = stream.writer();
  std::string expected;
  std::size_t pieces = 0;
  // As a producer does: it stops when told, and goes on when there is room.
  auto push_until_full = [&] {
    for (int i = 0; i < 10'000; ++i) {
      std::string piece(8192, char('a' + pieces++ % 26));
      expected += piece;
      if (!writer.push(std::move(piece))) return true;
    }
    return false;
  };
  std::size_t before = 0;
  int seen = 0;
  ASSERT_TRUE(push_until_full());
  while (eventually([&] { return stream.room > seen; }, milliseconds(200))) {
    seen = stream.room;
    ASSERT_TRUE(push_until_full());
    ASSERT_LT(expected.size(), 64u << 20) << "nothing holds it up";
  }
  before = expected.size();
  EXPECT_LT(before, 16u << 20);
  std::thread producer([&] {
    while (expected.size() < before + (4u << 20)) {
      if (!eventually([&] { return stream.room > seen; })) break;
      seen = stream.room;
      push_until_full();
    }
    writer.finish();
  });
  const ReceivedResponse response = client.response();
  producer.join();
  EXPECT_TRUE(response.complete);
  EXPECT_TRUE(expected == response.body);
}

TEST(HttpPush, AClientThatLeavesIsNoticedAlthoughNothingIsSent) {
  PushServer stream;
  for (int round = 0; round < 2; ++round) {
    RawClient client(stream.server.port());
    client.send(get);
    stream.writer(std::size_t(round)).push("x");
    ASSERT_TRUE(client.receive());
    if (round == 0)
      client.close();
    else
      client.reset();
    EXPECT_TRUE(eventually([&] { return stream.gone == round + 1; }, std::chrono::seconds(2)));
    EXPECT_TRUE(stream.writer(std::size_t(round)).gone());
  }
  EXPECT_TRUE(eventually([&] { return stream.server.counters().requests_active == 0; }));
}

TEST(HttpPush, AClientThatTakesNothingIsCutOff) {
  HttpServerOptions options;
  options.progress_timeout = milliseconds(200);
  PushServer stream(options);
  RawClient client(stream.server.port(), 4096);
  client.send(get);
  PushWriter& writer = stream.writer();
  for (int i = 0; i < 2000 && !stream.gone; ++i) {
    writer.push(std::string(65536, 'x'));
    std::this_thread::sleep_for(milliseconds(1));
  }
  EXPECT_TRUE(eventually([&] { return stream.gone == 1; }));
  EXPECT_EQ(1u, stream.server.counters().timeouts);
  // Nor does the kernel keep for it what had not gone out.
  EXPECT_TRUE(client.ended());
  EXPECT_TRUE(client.was_reset());
}

TEST(HttpPush, ASilentProducerIsNoReasonToCutOff) {
  HttpServerOptions options;
  options.progress_timeout = options.idle_timeout = options.head_timeout = milliseconds(100);
  PushServer stream(options);
  RawClient client(stream.server.port());
  client.send(get);
  PushWriter& writer = stream.writer();
  std::this_thread::sleep_for(milliseconds(400));
  EXPECT_EQ(0, stream.gone);
  writer.push("late");
  writer.finish();
  EXPECT_EQ("late", client.response().body);
}

TEST(HttpPush, HalfABodyIsNeverTakenForAWholeOne) {
  PushServer stream;
  for (int round = 0; round < 2; ++round) {
    RawClient client(stream.server.port());
    client.send(get);
    PushWriter& writer = stream.writer(std::size_t(round));
    writer.push("half");
    ASSERT_TRUE(client.receive());
    if (round == 0)
      writer.fail(Error{codes::kIo, "broke", 0});
    else
      PushWriter(std::move(writer));  // NOLINT: it goes away without a word
    EXPECT_TRUE(client.ended());
    EXPECT_FALSE(client.received().ends_with("0\r\n\r\n"));
  }
  EXPECT_EQ(0, stream.gone);
}

TEST(HttpPush, OldClientsAndHead) {
  PushServer stream;
  RawClient old(stream.server.port());
  old.send("GET / HTTP/1.0\r\n\r\n");
  stream.writer(0).push("plain ");
  stream.writer(0).push("bytes");
  stream.writer(0).finish();
  EXPECT_TRUE(old.ended());
  EXPECT_TRUE(old.received().ends_with("\r\n\r\nplain bytes")) << old.received();
  RawClient head(stream.server.port());
  head.send("HEAD / HTTP/1.1\r\nHost: t\r\n\r\n");
  EXPECT_EQ(200, head.response(true).status);
  EXPECT_TRUE(eventually([&] { return stream.gone == 1; }));
}

TEST(HttpPush, AStoppingServerEndsStreams) {
  HttpServerOptions options;
  options.stop_grace = milliseconds(100);
  PushServer stream(options);
  RawClient client(stream.server.port());
  client.send(get);
  stream.writer().push("x");
  ASSERT_TRUE(client.receive());
  stream.server.server->stop();
  EXPECT_EQ(1, stream.gone);
  EXPECT_TRUE(client.ended());
}

// More streams than there are threads by far, fed round and round by one thread.
TEST(HttpPush, ManyStreamsAtOnce) {
  constexpr std::size_t count = 300;
  constexpr int rounds = 40;
  PushServer stream;
  std::vector<std::unique_ptr<RawClient>> clients;
  for (std::size_t i = 0; i < count; ++i) {
    clients.push_back(std::make_unique<RawClient>(stream.server.port()));
    clients.back()->send(get);
    stream.writer(i);
  }
  std::thread producer([&] {
    for (int round = 0; round < rounds; ++round)
      for (std::size_t i = 0; i < count; ++i)
        stream.writer(i).push(std::to_string(i) + ":" + std::to_string(round) + ";");
    for (std::size_t i = 0; i < count; ++i) stream.writer(i).finish();
  });
  // Which client got which stream is the loops' secret; each has exactly one, whole and in order.
  std::map<std::string, int> streams;
  for (const std::unique_ptr<RawClient>& client : clients) {
    const ReceivedResponse response = client->response();
    EXPECT_TRUE(response.complete);
    const std::string id = response.body.substr(0, response.body.find(':'));
    std::string expected;
    for (int round = 0; round < rounds; ++round) expected += id + ":" + std::to_string(round) + ";";
    EXPECT_EQ(expected, response.body);
    ++streams[id];
  }
  producer.join();
  EXPECT_EQ(count, streams.size());
}

}  // namespace
}  // namespace tidemill::wire
