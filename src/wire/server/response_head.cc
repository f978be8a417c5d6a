#include "wire/server/response_head.h"

#include <algorithm>
#include <charconv>

namespace tidemill::wire {
namespace {

void append_number(std::uint64_t number, std::string& out) {
  char digits[24];
  auto [end, error] = std::to_chars(digits, digits + sizeof digits, number);
  out.append(digits, end);
}

void append_field(std::string_view name, std::string_view value, std::string& out) {
  out.append(name).append(": ");
  const std::size_t start = out.size();
  out.append(value);
  // A handler that echoes client data must not end the line with it.
  std::replace_if(
      out.begin() + std::ptrdiff_t(start), out.end(),
      [](char c) { return c == '\r' || c == '\n' || c == '\0'; }, ' ');
  out.append("\r\n");
}

bool is_ours(std::string_view name) {
  switch (name.size()) {
    case 10:
      return equal_ignoring_case(name, "connection") || equal_ignoring_case(name, "keep-alive");
    case 14:
      return equal_ignoring_case(name, "content-length");
    case 17:
      return equal_ignoring_case(name, "transfer-encoding");
    default:
      return false;
  }
}

}  // namespace

std::string_view status_reason(int status) {
  switch (status) {
    case 100:
      return "Continue";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Range Not Satisfiable";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
    case 424:
      return "Failed Dependency";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Unknown";
  }
}

void append_response_head(int status, const Headers& headers, const ResponseFraming& framing,
                          std::string_view date, std::string_view server, std::string& out) {
  out.append("HTTP/1.1 ");
  append_number(std::uint64_t(status), out);
  out.append(" ").append(status_reason(status)).append("\r\n");
  bool has_date = false;
  bool has_server = false;
  for (const auto& [name, value] : headers.fields()) {
    if (is_ours(name)) continue;
    has_date = has_date || equal_ignoring_case(name, "date");
    has_server = has_server || equal_ignoring_case(name, "server");
    append_field(name, value, out);
  }
  if (!has_date) out.append("Date: ").append(date).append("\r\n");
  if (!has_server) append_field("Server", server, out);
  if (framing.content_length) {
    out.append("Content-Length: ");
    append_number(*framing.content_length, out);
    out.append("\r\n");
  } else if (framing.chunked) {
    out.append("Transfer-Encoding: chunked\r\n");
  }
  if (framing.close)
    out.append("Connection: close\r\n");
  else if (framing.keep_alive_1_0)
    out.append("Connection: keep-alive\r\n");
  out.append("\r\n");
}

}  // namespace tidemill::wire
