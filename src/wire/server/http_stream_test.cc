// Bodies too large for memory, both ways, and clients that leave in the middle.
#include <deque>
#include <thread>

#include "base/limits.h"
#include "wire/server/http_test_support.h"

namespace tidemill::wire {
namespace {

std::string pattern(std::size_t size) {
  std::string bytes(size, ' ');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = char('a' + (i * 31 + i / 997) % 26);
  return bytes;
}

std::string put_head(std::size_t size) {
  return "PUT /up HTTP/1.1\r\nHost: t\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n";
}

// Reads request bodies on the pool, as handlers do.
struct Uploads {
  explicit Uploads(HttpServerOptions options = {}, milliseconds pause = milliseconds(0))
      : server(
            [this, pause](HttpRequest request, HttpHandler::Respond respond) {
              if (!request.stream) {
                respond(text_response("buffered " + std::to_string(request.body.size())));
                return;
              }
              server.submit([this, pause, request = std::move(request),
                             respond = std::move(respond)]() mutable {
                consume(*request.stream, pause);
                respond(text_response("streamed " + std::to_string(bytes.size())));
              });
            },
            std::move(options)) {}

  void consume(ByteSource& source, milliseconds pause) {
    size = source.size();
    std::string buffer(64 * 1024, ' ');
    for (;;) {
      Result<std::size_t> count = source.read(buffer);
      if (!count) {
        error = count.error();
        failed = true;
        return;
      }
      if (*count == 0) return;
      bytes.append(buffer, 0, *count);
      if (pause.count() > 0) std::this_thread::sleep_for(pause);
    }
  }

  std::string bytes;
  std::optional<std::uint64_t> size;
  Error error;
  std::atomic<bool> failed = false;
  TestServer server;
};

TEST(HttpStream, LargeUploadsComeAsStreams) {
  Uploads uploads;
  RawClient client(uploads.server.port());
  const std::string body = pattern(5'000'000);
  client.send(put_head(body.size()));
  client.send(body);
  EXPECT_EQ("streamed 5000000", client.response().body);
  EXPECT_EQ(body, uploads.bytes);
  EXPECT_EQ(body.size(), uploads.size);
  EXPECT_EQ(200, client.exchange("GET / HTTP/1.1\r\nHost: t\r\n\r\n").status);
}

TEST(HttpStream, BodiesUpToTheLimitAreBuffered) {
  Uploads uploads;
  RawClient client(uploads.server.port());
  const std::size_t limit = limits::buffered_body_bytes_max;
  client.send(put_head(limit) + pattern(limit));
  EXPECT_EQ("buffered " + std::to_string(limit), client.response().body);
  client.send(put_head(limit + 1) + pattern(limit + 1));
  EXPECT_EQ("streamed " + std::to_string(limit + 1), client.response().body);
}

TEST(HttpStream, ChunkedUploadsBecomeStreamsWhenTheyGrow) {
  Uploads uploads;
  RawClient client(uploads.server.port());
  const std::string body = pattern(3'000'000);
  std::string message = "PUT /up HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (std::size_t at = 0; at < body.size(); at += 100'000)
    message += "186a0\r\n" + body.substr(at, 100'000) + "\r\n";
  client.send(message + "0\r\n\r\n");
  EXPECT_EQ("streamed 3000000", client.response().body);
  EXPECT_EQ(body, uploads.bytes);
  EXPECT_EQ(std::nullopt, uploads.size);
  const std::size_t limit = limits::buffered_body_bytes_max;
  client.send("PUT /up HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n100000\r\n" +
              pattern(limit) + "\r\n0\r\n\r\n");
  EXPECT_EQ("buffered " + std::to_string(limit), client.response().body);
}

TEST(HttpStream, ASlowConsumerHoldsTheSenderBack) {
  // The consumer waits for `go`: before that only the pipe and the kernel take bytes.
  std::atomic<bool> go = false;
  TestServer* running = nullptr;
  TestServer server([&](HttpRequest request, HttpHandler::Respond respond) {
    running->submit([&, request = std::move(request), respond = std::move(respond)]() mutable {
      eventually([&] { return go.load(); });
      Result<std::string> all = read_all(*request.stream, 1u << 30);
      respond(text_response(std::to_string(all ? all->size() : 0)));
    });
  });
  running = &server;
  RawClient client(server.port());
  const std::string body = pattern(64 << 20);
  client.send(put_head(body.size()));
  const std::size_t sent = client.send_without_waiting(body, milliseconds(200));
  EXPECT_LT(sent, body.size() / 2) << "the server read on though nobody consumed";
  go = true;
  client.send(std::string_view(body).substr(sent));
  EXPECT_EQ(std::to_string(body.size()), client.response().body);
}

TEST(HttpStream, TheConsumerHearsOfADisconnect) {
  Uploads uploads;
  RawClient client(uploads.server.port());
  client.send(put_head(50'000'000) + pattern(2'000'000));
  client.reset();
  EXPECT_TRUE(eventually([&] { return uploads.failed.load(); }));
  EXPECT_EQ(codes::kIo, uploads.error.code);
  EXPECT_TRUE(eventually([&] { return uploads.server.counters().connections_active == 0; }));
}

TEST(HttpStream, ABodyThatEndsEarlyIsAnsweredWherePossible) {
  Uploads uploads;
  RawClient half(uploads.server.port());
  half.send(put_head(100) + "only this");
  half.shutdown_write();
  EXPECT_EQ(400, half.response().status);
  RawClient streamed(uploads.server.port());
  streamed.send(put_head(50'000'000) + pattern(2'000'000));
  streamed.shutdown_write();
  EXPECT_EQ(200, streamed.response().status) << "the handler's own answer";
  EXPECT_TRUE(uploads.failed);
}

TEST(HttpStream, BrokenChunksReachTheConsumer) {
  Uploads uploads;
  RawClient client(uploads.server.port());
  client.send("PUT /up HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n200000\r\n" +
              pattern(0x200000) + "\r\nnot a chunk\r\n");
  EXPECT_TRUE(client.response().complete);
  EXPECT_TRUE(client.ended());
  EXPECT_TRUE(uploads.failed);
  EXPECT_EQ(codes::kInvalid, uploads.error.code);
}

TEST(HttpStream, AnUnreadBodyIsDrainedOrCutOff) {
  // Answers at once and drops the stream.
  TestServer server([](HttpRequest request, HttpHandler::Respond respond) {
    respond(text_response(request.stream ? "refused" : "next", 403));
  });
  RawClient small(server.port());
  const std::string body = pattern((1 << 20) + 1000);
  small.send("PUT / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n1003e8\r\n" + body +
             "\r\n0\r\n\r\n");
  EXPECT_EQ("refused", small.response().body);
  EXPECT_EQ("next", small.exchange("GET / HTTP/1.1\r\nHost: t\r\n\r\n").body);
  RawClient large(server.port());
  large.send(put_head(20'000'000) + pattern(3'000'000));
  ReceivedResponse response = large.response();
  EXPECT_EQ("refused", response.body);
  EXPECT_EQ("close", response.headers.get("connection"));
  EXPECT_TRUE(large.ended());
}

// A source of `total` bytes that counts how many were taken.
class CountingSource final : public ByteSource {
 public:
  CountingSource(std::size_t total, bool sized, std::atomic<std::size_t>& taken)
      : total_(total), sized_(sized), taken_(taken) {}
  Result<std::size_t> read(std::span<char> buffer) override {
    const std::size_t count = std::min(buffer.size(), total_ - position_);
    for (std::size_t i = 0; i < count; ++i)
      buffer[i] = char('a' + ((position_ + i) * 31 + (position_ + i) / 997) % 26);
    position_ += count;
    taken_ = position_;
    return count;
  }
  std::optional<std::uint64_t> size() const override {
    return sized_ ? std::optional<std::uint64_t>(total_) : std::nullopt;
  }

 private:
  std::size_t total_;
  bool sized_;
  std::size_t position_ = 0;
  std::atomic<std::size_t>& taken_;
};

struct Downloads {
  explicit Downloads(std::size_t total)
      : server([this, total](HttpRequest request, HttpHandler::Respond respond) {
          HttpResponse response;
          response.stream =
              std::make_unique<CountingSource>(total, request.path == "/sized", taken);
          respond(std::move(response));
        }) {}
  std::atomic<std::size_t> taken = 0;
  TestServer server;
};

TEST(HttpStream, DownloadsComeSizedOrChunked) {
  Downloads downloads(3'333'333);
  RawClient client(downloads.server.port());
  ReceivedResponse sized = client.exchange("GET /sized HTTP/1.1\r\nHost: t\r\n\r\n");
  EXPECT_EQ("3333333", sized.headers.get("content-length"));
  EXPECT_EQ(pattern(3'333'333), sized.body);
  ReceivedResponse chunked = client.exchange("GET /open HTTP/1.1\r\nHost: t\r\n\r\n");
  EXPECT_EQ("chunked", chunked.headers.get("transfer-encoding"));
  EXPECT_EQ(pattern(3'333'333), chunked.body);
  ReceivedResponse old = client.exchange("GET /open HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(nullptr, old.headers.find("transfer-encoding"));
  EXPECT_EQ(pattern(3'333'333), old.body) << "ended by closing";
}

TEST(HttpStream, ASlowClientHoldsTheSourceBack) {
  Downloads downloads(256 << 20);
  RawClient client(downloads.server.port(), 16 * 1024);
  client.send("GET /sized HTTP/1.1\r\nHost: t\r\n\r\n");
  std::this_thread::sleep_for(milliseconds(200));
  EXPECT_LT(downloads.taken, std::size_t(64 << 20)) << "the server read ahead of the client";
  client.reset();
  EXPECT_TRUE(eventually([&] { return downloads.server.counters().connections_active == 0; }));
}

TEST(HttpStream, AStreamThatBreaksCutsTheConnection) {
  class Broken final : public ByteSource {
   public:
    Result<std::size_t> read(std::span<char> buffer) override {
      if (++calls_ > 3) return fail(codes::kCorrupt, "checksum does not match");
      buffer[0] = 'x';
      return 1;
    }
    std::optional<std::uint64_t> size() const override { return std::nullopt; }

   private:
    int calls_ = 0;
  };
  TestServer server([](HttpRequest, HttpHandler::Respond respond) {
    HttpResponse response;
    response.stream = std::make_unique<Broken>();
    respond(std::move(response));
  });
  RawClient client(server.port());
  ReceivedResponse response = client.exchange("GET / HTTP/1.1\r\nHost: t\r\n\r\n");
  EXPECT_FALSE(response.complete);
  EXPECT_EQ("xxx", response.body);
}

TEST(HttpStream, StopEndsUploadsThatHang) {
  HttpServerOptions options;
  options.stop_grace = milliseconds(50);
  Uploads uploads(options);
  RawClient client(uploads.server.port());
  client.send(put_head(50'000'000) + pattern(2'000'000));
  ASSERT_TRUE(eventually([&] { return uploads.server.counters().requests_active == 1; }));
  uploads.server.server->stop();
  EXPECT_TRUE(eventually([&] { return uploads.failed.load(); }));
}

}  // namespace
}  // namespace tidemill::wire
