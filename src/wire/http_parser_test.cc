#include "wire/http_parser.h"

#include <gtest/gtest.h>

namespace tidemill::wire {
namespace {

Parsed<RequestHead> parse(std::string_view text, HttpLimits limits = {}) {
  HeadScanner scanner;
  Parsed<std::size_t> length = scanner.scan(text, limits);
  if (!length) return std::unexpected(length.error());
  if (*length == 0) return std::unexpected(BadMessage{0, "needs more"});
  RequestHead head;
  if (Parsed<void> parsed = parse_request_head(text.substr(0, *length), limits, head); !parsed)
    return std::unexpected(parsed.error());
  return head;
}

int status_of(std::string_view text, HttpLimits limits = {}) {
  Parsed<RequestHead> parsed = parse(text, limits);
  return parsed ? 200 : parsed.error().status;
}

TEST(RequestHead, ReadsLineAndFields) {
  Parsed<RequestHead> head = parse(
      "PUT /b/k%20x?a=1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 12\r\n"
      "Expect: 100-continue\r\nX-Empty:\r\nX-Spaces: \t a b \t\r\n\r\n");
  ASSERT_TRUE(head);
  EXPECT_EQ("PUT", head->request.method);
  EXPECT_EQ("/b/k%20x?a=1", head->request.target);
  EXPECT_EQ("localhost", head->request.host());
  EXPECT_EQ("", head->request.headers.get("x-empty"));
  EXPECT_EQ("a b", head->request.headers.get("x-spaces"));
  EXPECT_EQ(BodyKind::length, head->framing.kind);
  EXPECT_EQ(12u, head->framing.content_length);
  EXPECT_TRUE(head->expect_continue);
  EXPECT_TRUE(head->keep_alive);
}

TEST(RequestHead, KeepAliveFollowsVersionAndConnection) {
  EXPECT_TRUE(parse("GET / HTTP/1.1\r\nHost: a\r\n\r\n")->keep_alive);
  EXPECT_FALSE(parse("GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n")->keep_alive);
  EXPECT_FALSE(parse("GET / HTTP/1.0\r\n\r\n")->keep_alive);
  EXPECT_TRUE(parse("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")->keep_alive);
}

TEST(RequestHead, RefusesWhatIsNoRequestLine) {
  for (std::string_view line :
       {"GET", "GET /", "GET  HTTP/1.1", " / HTTP/1.1", "G ET / HTTP/1.1x", "GET / HTTP/11",
        "GET / http/1.1", "GET a HTTP/1.1", "G\x01T / HTTP/1.1", "GET /\x01 HTTP/1.1",
        "GET / b HTTP/1.1", "GET\t/ HTTP/1.1"}) {
    EXPECT_EQ(400, status_of(std::string(line) + "\r\nHost: a\r\n\r\n")) << line;
  }
  EXPECT_EQ(505, status_of("PRI * HTTP/2.0\r\n\r\n"));
  EXPECT_EQ(505, status_of("GET / HTTP/3.0\r\nHost: a\r\n\r\n"));
}

TEST(RequestHead, RefusesBrokenFields) {
  const std::string start = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (std::string_view field : {"NoColon", "Space : x", ": x", " Folded: x", "A: b\r\n folded",
                                 "A: b\x01", "A\x80: b", "A: b\rc"}) {
    EXPECT_EQ(400, status_of(start + std::string(field) + "\r\n\r\n")) << field;
  }
  EXPECT_EQ(400, status_of(start + "A: b\nC: d\r\n\r\n"));
  EXPECT_EQ(400, status_of("GET / HTTP/1.1\nHost: a\n\n"));
  EXPECT_EQ(400, status_of(std::string("GET / HTTP/1.1\r\nHost: a\r\nA: b\0c\r\n\r\n", 35)));
  EXPECT_EQ(400, status_of("GET / HTTP/1.1\r\n\r\n")) << "no Host";
  EXPECT_EQ(400, status_of(start + "Host: b\r\n\r\n")) << "two Hosts";
  EXPECT_EQ(417, status_of(start + "Expect: cake\r\n\r\n"));
}

TEST(RequestHead, RefusesSmuggledFraming) {
  const std::string start = "POST / HTTP/1.1\r\nHost: a\r\n";
  EXPECT_EQ(400, status_of(start + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"));
  EXPECT_EQ(400, status_of(start + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n"));
  EXPECT_EQ(400, status_of(start + "Content-Length: 4\r\nContent-Length: 4\r\n\r\n"));
  EXPECT_EQ(501, status_of(start + "Transfer-Encoding: gzip, chunked\r\n\r\n"));
  EXPECT_EQ(501, status_of(start + "Transfer-Encoding: xchunked\r\n\r\n"));
  EXPECT_EQ(501, status_of(start + "Transfer-Encoding: chunked\r\nTransfer-Encoding: a\r\n\r\n"));
  EXPECT_EQ(400, status_of(start + "Transfer-Encoding : chunked\r\n\r\n"));
  EXPECT_EQ(400, status_of("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"));
  for (std::string_view length : {"", "-1", "+4", "4,4", "0x4", "4 4", "99999999999999999999"})
    EXPECT_EQ(400, status_of(start + "Content-Length: " + std::string(length) + "\r\n\r\n"))
        << length;
}

TEST(RequestHead, KeepsLimits) {
  HttpLimits limits;
  limits.head_bytes_max = 300;
  limits.target_bytes_max = 100;
  limits.header_count_max = 3;
  limits.body_bytes_max = 10;
  const std::string start = "GET / HTTP/1.1\r\nHost: a\r\n";
  EXPECT_EQ(200, status_of(start + "A: 1\r\nB: 2\r\n\r\n", limits));
  EXPECT_EQ(431, status_of(start + "A: 1\r\nB: 2\r\nC: 3\r\n\r\n", limits));
  EXPECT_EQ(431, status_of(start + "A: " + std::string(300, 'x') + "\r\n\r\n", limits));
  EXPECT_EQ(431, status_of(start + "A: " + std::string(300, 'x'), limits)) << "before its end";
  EXPECT_EQ(414,
            status_of("GET /" + std::string(100, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n", limits));
  EXPECT_EQ(414, status_of("GET /" + std::string(200, 'x'), limits)) << "before its end";
  EXPECT_EQ(413, status_of(start + "Content-Length: 11\r\n\r\n", limits));
  EXPECT_EQ(200, status_of(start + "Content-Length: 10\r\n\r\n", limits));
}

TEST(HeadScanner, FindsTheEndByteByByte) {
  const std::string text = "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nrest";
  HeadScanner scanner;
  for (std::size_t size = 0; size < text.size() - 4; ++size) {
    Parsed<std::size_t> length = scanner.scan(std::string_view(text).substr(0, size), {});
    ASSERT_TRUE(length);
    EXPECT_EQ(0u, *length);
  }
  EXPECT_EQ(text.size() - 4, scanner.scan(text, {}).value());
  EXPECT_TRUE(parse(text));
}

// Decodes in pieces of `step` bytes with `room` per call.
Parsed<std::string> decode(std::string_view input, std::size_t step, std::size_t room,
                           HttpLimits limits = {}) {
  BodyDecoder decoder({BodyKind::chunked, 0}, limits);
  std::string out;
  while (!input.empty() && !decoder.done()) {
    Parsed<std::size_t> taken = decoder.feed(input.substr(0, step), room, out);
    if (!taken) return std::unexpected(taken.error());
    input.remove_prefix(*taken);
  }
  if (!decoder.done()) return std::unexpected(BadMessage{0, "needs more"});
  return out + "|" + std::string(input);
}

TEST(BodyDecoder, TakesChunksOff) {
  const std::string body = "5\r\nhello\r\n6;name=\"v\"\r\n world\r\n000\r\nTrailer: x\r\n\r\nNEXT";
  for (std::size_t step : {1, 2, 3, 7, 1000})
    for (std::size_t room : {1, 4, 1000})
      EXPECT_EQ("hello world|NEXT", decode(body, step, room).value()) << step << " " << room;
}

TEST(BodyDecoder, RefusesBrokenChunks) {
  for (std::string_view body : {"x\r\n", "\r\n", "-1\r\n", "0x5\r\n", "5 5\r\n", "5\nhello\r\n",
                                "5\r\nhelloX\r\n", "5\r\nhello\n0\r\n\r\n", "1000000000000000\r\n",
                                "5\r\nhello\r\n0\r\nA: b\n\r\n", "5\rx\nhello"})
    EXPECT_EQ(400, decode(body, 1000, 1000).error().status) << body;
  EXPECT_EQ(400, decode(std::string(2000, '0'), 1000, 1000).error().status);
  EXPECT_EQ(400, decode("0\r\n" + std::string(10000, 'a'), 1000, 1000).error().status);
  HttpLimits limits;
  limits.body_bytes_max = 8;
  EXPECT_EQ(413, decode("9\r\n", 10, 10, limits).error().status);
  EXPECT_EQ(413, decode("5\r\nhello\r\n4\r\n", 100, 100, limits).error().status);
}

TEST(ResponseHead, ChoosesTheFraming) {
  auto framing = [](std::string_view text, bool to_head) {
    ResponseHead head;
    EXPECT_TRUE(parse_response_head(text, {}, to_head, head)) << text;
    return head.framing.kind;
  };
  EXPECT_EQ(BodyKind::length, framing("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", false));
  EXPECT_EQ(BodyKind::none, framing("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", true));
  EXPECT_EQ(BodyKind::chunked,
            framing("HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n", false));
  EXPECT_EQ(BodyKind::until_close, framing("HTTP/1.0 200 OK\r\n\r\n", false));
  EXPECT_EQ(BodyKind::none, framing("HTTP/1.1 204 No Content\r\n\r\n", false));
  ResponseHead head;
  EXPECT_FALSE(parse_response_head("HTTP/1.1 2x0 OK\r\n\r\n", {}, false, head));
  EXPECT_FALSE(parse_response_head("ICY 200 OK\r\n\r\n", {}, false, head));
}

}  // namespace
}  // namespace tidemill::wire
