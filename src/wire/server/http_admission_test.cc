// Tests of the decisions that a handler makes before a body is read.
#include "wire/server/http_test_support.h"

namespace tidemill::wire {
namespace {

// Refuses "/no" and grants other requests `bytes_max` together.
class Doorkeeper final : public HttpHandler {
 public:
  struct Grant final : Admission {
    explicit Grant(Doorkeeper& keeper) : keeper(keeper) {}
    ~Grant() override { --keeper.grants; }
    std::optional<HttpResponse> keep(std::uint64_t bytes) override {
      keeper.asked_bytes = bytes;
      if (!streams && bytes > gathered_bytes_max) return text_response("too large", 413);
      if (bytes > keeper.bytes_max) return text_response("no room", 503);
      return std::nullopt;
    }
    Doorkeeper& keeper;
  };
  void handle(HttpRequest request, Respond respond) override {
    ++handled;
    respond(text_response(request.stream ? "stream" : std::to_string(request.body.size())));
  }
  std::expected<std::unique_ptr<Admission>, HttpResponse> admit(const HttpRequest& head) override {
    ++admitted;
    if (head.path == "/no") return std::unexpected(text_response("no", 403));
    auto grant = std::make_unique<Grant>(*this);
    ++grants;
    grant->gathered_bytes_max = gathered_bytes_max;
    grant->streams = streams;
    return grant;
  }

  std::uint64_t bytes_max = 64u << 20;
  std::uint64_t gathered_bytes_max = 8u << 20;
  bool streams = false;
  std::atomic<int> handled = 0, admitted = 0, grants = 0;
  std::atomic<std::uint64_t> asked_bytes = 0;
};

class HttpAdmission : public testing::Test {
 protected:
  ~HttpAdmission() override {
    server_->stop();
    pool_.stop();
  }
  void serve() {
    HttpServerOptions options;
    options.port = 0;
    server_ = std::make_unique<HttpServer>(loops_, pool_, keeper_, std::move(options));
    ASSERT_TRUE(server_->start());
  }
  static std::string put(const std::string& path, std::size_t length, const char* more = "") {
    return "PUT " + path + " HTTP/1.1\r\nHost: t\r\nContent-Length: " + std::to_string(length) +
           "\r\n" + more + "\r\n";
  }
  static std::string chunk(std::size_t size) {
    char text[32];
    std::snprintf(text, sizeof text, "%zx\r\n", size);
    return text + std::string(size, 'c') + "\r\n";
  }
  const std::string chunked_ = "PUT / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n";

  Doorkeeper keeper_;
  runtime::EventLoops loops_{1};
  runtime::WorkerPool pool_{{.name = "test", .threads = 1, .queue_max = 4}};
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpAdmission, Small_bodies_are_taken_without_asking) {
  serve();
  RawClient client(server_->port());
  EXPECT_EQ("16384", client.exchange(put("/no", 16384) + std::string(16384, 'x')).body);
  EXPECT_EQ(0, keeper_.admitted);
}

TEST_F(HttpAdmission, A_refusal_comes_before_the_body) {
  serve();
  RawClient client(server_->port());
  ReceivedResponse response = client.exchange(put("/no", 5'000'000));
  EXPECT_EQ(403, response.status);
  EXPECT_EQ("close", response.headers.get("connection"));
  RawClient asking(server_->port());
  EXPECT_EQ(403, asking.exchange(put("/no", 3, "Expect: 100-continue\r\n")).status);
  EXPECT_EQ(0, keeper_.handled);
  EXPECT_EQ(2, keeper_.admitted);
  // A short body on its way is discarded, and the connection continues.
  RawClient sending(server_->port());
  EXPECT_EQ(403, sending.exchange(put("/no", 500'000) + std::string(500'000, 'x')).status);
  EXPECT_EQ("2", sending.exchange(put("/", 2) + "ok").body);
}

TEST_F(HttpAdmission, A_gathered_body_asks_step_by_step_and_gives_back) {
  serve();
  RawClient client(server_->port());
  EXPECT_EQ("5000000", client.exchange(put("/", 5'000'000) + std::string(5'000'000, 'x')).body);
  EXPECT_EQ(5'000'000u, keeper_.asked_bytes);
  EXPECT_EQ(1, keeper_.admitted);
  std::string body = chunked_;
  for (int i = 0; i < 30; ++i) body += chunk(100'000);
  EXPECT_EQ("3000000", client.exchange(body + "0\r\n\r\n").body);
  EXPECT_EQ(3u << 20, keeper_.asked_bytes);
  EXPECT_EQ(2, keeper_.admitted);
  EXPECT_TRUE(eventually([&] { return keeper_.grants == 0; }));
}

TEST_F(HttpAdmission, No_room_ends_a_body_in_the_middle) {
  keeper_.bytes_max = 2u << 20;
  serve();
  RawClient client(server_->port());
  client.send(put("/", 5'000'000) + std::string(2'500'000, 'x'));
  EXPECT_EQ(503, client.response().status);
  EXPECT_TRUE(eventually([&] { return keeper_.grants == 0; }));
  EXPECT_EQ(0, keeper_.handled);
}

TEST_F(HttpAdmission, What_is_too_large_is_told_by_its_head_or_when_it_passes) {
  serve();
  RawClient known(server_->port());
  EXPECT_EQ(413, known.exchange(put("/", 9u << 20)).status);
  RawClient unknown(server_->port());
  unknown.send(chunked_);
  for (int i = 0; i < 90; ++i)
    if (!unknown.send(chunk(100'000))) break;
  EXPECT_EQ(413, unknown.response().status);
  EXPECT_EQ(0, keeper_.handled);
}

TEST_F(HttpAdmission, A_larger_body_may_be_a_stream) {
  keeper_.streams = true;
  keeper_.gathered_bytes_max = 100'000;
  serve();
  RawClient known(server_->port());
  EXPECT_EQ("stream", known.exchange(put("/", 200'000) + std::string(200'000, 'x')).body);
  EXPECT_EQ(256u * 1024, keeper_.asked_bytes);
  RawClient unknown(server_->port());
  EXPECT_EQ("stream", unknown.exchange(chunked_ + chunk(100'001) + "0\r\n\r\n").body);
  EXPECT_EQ("100000", unknown.exchange(chunked_ + chunk(100'000) + "0\r\n\r\n").body);
}

}  // namespace
}  // namespace tidemill::wire
