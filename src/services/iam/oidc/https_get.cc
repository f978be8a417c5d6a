#include "services/iam/oidc/https_get.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "base/encoding.h"
#include "services/iam/policy_language/wildcard.h"

namespace tidemill::services::iam {
namespace {

constexpr std::chrono::seconds kWaitMax{3};  // for one step: connecting, one read
constexpr std::chrono::seconds kTotalMax{8};
constexpr std::size_t kDocumentBytesMax = 1u << 20;
constexpr std::size_t kReadBytes = 16 * 1024;

template <auto Free>
struct Freeing {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using TlsContext = std::unique_ptr<SSL_CTX, Freeing<SSL_CTX_free>>;
using Tls = std::unique_ptr<SSL, Freeing<SSL_free>>;
using Certificate = std::unique_ptr<X509, Freeing<X509_free>>;
using Trusted = std::unique_ptr<X509_STORE, Freeing<X509_STORE_free>>;
using Verification = std::unique_ptr<X509_STORE_CTX, Freeing<X509_STORE_CTX_free>>;

std::unexpected<Error> unreachable(const std::string& host, const std::string& why) {
  return fail("Tidemill.Io", host + " cannot be asked: " + why, 500);
}

struct Socket {
  int fd = -1;
  explicit Socket(int descriptor) : fd(descriptor) {}
  Socket(Socket&& other) noexcept : fd(std::exchange(other.fd, -1)) {}
  Socket& operator=(Socket&&) = delete;
  ~Socket() {
    if (fd >= 0) ::close(fd);
  }
};

struct Address {
  std::string host, port = "443", path = "/";
};

Result<Address> parse_url(std::string_view url) {
  constexpr std::string_view kScheme = "https://";
  Address out;
  if (!url.starts_with(kScheme)) return fail("Tidemill.Invalid", "not an https URL", 400);
  url.remove_prefix(kScheme.size());
  const std::size_t slash = std::min(url.find('/'), url.size());
  std::string_view authority = url.substr(0, slash);
  if (slash < url.size()) out.path = url.substr(slash);
  const std::size_t bracket = authority.starts_with('[') ? authority.find(']') : 0;
  const std::size_t colon =
      bracket == authority.npos ? authority.npos : authority.find(':', bracket);
  if (colon != authority.npos) {
    out.port = authority.substr(colon + 1);
    authority = authority.substr(0, colon);
  }
  if (authority.starts_with('[') && authority.ends_with(']'))
    authority = authority.substr(1, authority.size() - 2);
  out.host = authority;
  // Nothing of it may end the request's line.
  const auto printable = [](std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 127; });
  };
  if (out.host.empty() || !printable(out.host) || !printable(out.path) || !printable(out.port))
    return fail("Tidemill.Invalid", "not an https URL", 400);
  return out;
}

Result<Socket> connect_to(const Address& address) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int code = ::getaddrinfo(address.host.c_str(), address.port.c_str(), &hints, &found))
    return unreachable(address.host, ::gai_strerror(code));
  const std::unique_ptr<addrinfo, Freeing<::freeaddrinfo>> list(found);
  timeval wait{};
  wait.tv_sec = kWaitMax.count();
  for (const addrinfo* each = found; each; each = each->ai_next) {
    Socket socket(::socket(each->ai_family, each->ai_socktype | SOCK_CLOEXEC, each->ai_protocol));
    if (socket.fd < 0) continue;
    // The time to send bounds connect() as well.
    ::setsockopt(socket.fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    ::setsockopt(socket.fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    if (::connect(socket.fd, each->ai_addr, each->ai_addrlen) == 0) return socket;
  }
  return unreachable(address.host, "no connection to port " + address.port);
}

bool is_ip_address(const std::string& host) {
  unsigned char bytes[16];
  return ::inet_pton(AF_INET, host.c_str(), bytes) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), bytes) == 1;
}

std::string thumbprint_of(const X509* certificate) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int bytes = 0;
  if (X509_digest(certificate, EVP_sha1(), digest, &bytes) != 1) return {};
  return encode_hex({reinterpret_cast<const char*>(digest), bytes});
}

// The certificates that the server sent whose thumbprints are known vouch for the rest.
bool is_vouched_for(SSL* tls, const Address& address, const std::vector<std::string>& thumbprints) {
  const Certificate leaf(SSL_get1_peer_certificate(tls));
  STACK_OF(X509)* chain = SSL_get_peer_cert_chain(tls);
  const Trusted trusted(X509_STORE_new());
  if (!leaf || !chain || !trusted) return false;
  bool any = false;
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    X509* certificate = sk_X509_value(chain, i);
    const std::string own = thumbprint_of(certificate);
    if (std::ranges::none_of(thumbprints, [&](const std::string& known) {
          return !own.empty() && ::strcasecmp(known.c_str(), own.c_str()) == 0;
        }))
      continue;
    any |= X509_STORE_add_cert(trusted.get(), certificate) == 1;
  }
  const Verification verification(X509_STORE_CTX_new());
  if (!any || !verification ||
      X509_STORE_CTX_init(verification.get(), trusted.get(), leaf.get(), chain) != 1)
    return false;
  X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(verification.get());
  // A thumbprint may be that of a certificate between the server's and its root.
  X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_PARTIAL_CHAIN);
  const int named = is_ip_address(address.host)
                        ? X509_VERIFY_PARAM_set1_ip_asc(parameters, address.host.c_str())
                        : X509_VERIFY_PARAM_set1_host(parameters, address.host.c_str(), 0);
  return named == 1 && X509_verify_cert(verification.get()) == 1;
}

Result<Tls> open_tls(SSL_CTX* context, const Socket& socket, const Address& address,
                     const std::vector<std::string>& thumbprints) {
  Tls tls(SSL_new(context));
  if (!tls || SSL_set_fd(tls.get(), socket.fd) != 1) return unreachable(address.host, "TLS");
  X509_VERIFY_PARAM* parameters = SSL_get0_param(tls.get());
  if (is_ip_address(address.host)) {
    X509_VERIFY_PARAM_set1_ip_asc(parameters, address.host.c_str());
  } else {
    SSL_set1_host(tls.get(), address.host.c_str());
    SSL_set_tlsext_host_name(tls.get(), address.host.c_str());
  }
  // Whether the certificate is good is asked below, where thumbprints count as well.
  SSL_set_verify(tls.get(), SSL_VERIFY_NONE, nullptr);
  if (SSL_connect(tls.get()) != 1) return unreachable(address.host, "the TLS handshake failed");
  if (SSL_get_verify_result(tls.get()) != X509_V_OK &&
      !is_vouched_for(tls.get(), address, thumbprints))
    return unreachable(address.host, "its certificate is not trusted");
  return tls;
}

// Joins the pieces of a body that came in chunks; nullopt when it is damaged or not whole.
std::optional<std::string> join_chunks(std::string_view body) {
  std::string out;
  while (true) {
    const std::size_t line = body.find("\r\n");
    std::size_t bytes = 0;
    if (line == body.npos ||
        std::from_chars(body.data(), body.data() + line, bytes, 16).ec != std::errc())
      return std::nullopt;
    body.remove_prefix(line + 2);
    if (bytes == 0) return out;
    if (body.size() < 2 || bytes > body.size() - 2) return std::nullopt;
    out += body.substr(0, bytes);
    body.remove_prefix(bytes + 2);
  }
}

// The body of an answer 200 that ended with its connection.
Result<std::string> read_answer(const std::string& answer, const Address& address) {
  const std::size_t end = answer.find("\r\n\r\n");
  if (!answer.starts_with("HTTP/1.") || end == answer.npos)
    return unreachable(address.host, "its answer is no HTTP");
  const std::string head = ascii_lower(answer.substr(0, end + 2));
  const std::string_view body = std::string_view(answer).substr(end + 4);
  constexpr std::size_t kStatusAt = 9;  // behind "HTTP/1.1 "
  if (head.substr(kStatusAt, 3) != "200")
    return unreachable(address.host,
                       "it answers " + head.substr(kStatusAt, 3) + " for " + address.path);
  if (!head.contains("\r\ntransfer-encoding: chunked\r\n")) return std::string(body);
  std::optional<std::string> joined = join_chunks(body);
  if (!joined) return unreachable(address.host, "its answer is damaged");
  return *std::move(joined);
}

Result<std::string> exchange(SSL* tls, const Address& address) {
  const auto deadline = std::chrono::steady_clock::now() + kTotalMax;
  const std::string request = "GET " + address.path + " HTTP/1.1\r\nHost: " + address.host +
                              (address.port == "443" ? "" : ":" + address.port) +
                              "\r\nAccept: application/json\r\nUser-Agent: tidemill\r\n"
                              "Connection: close\r\n\r\n";
  if (SSL_write(tls, request.data(), int(request.size())) <= 0)
    return unreachable(address.host, "the connection broke");
  std::string answer, piece(kReadBytes, '\0');
  while (true) {
    const int bytes = SSL_read(tls, piece.data(), int(piece.size()));
    if (bytes <= 0) {
      if (SSL_get_error(tls, bytes) == SSL_ERROR_ZERO_RETURN) return read_answer(answer, address);
      return unreachable(address.host, "the connection broke");
    }
    answer.append(piece, 0, std::size_t(bytes));
    if (answer.size() > kDocumentBytesMax)
      return unreachable(address.host, "its answer is too large");
    if (std::chrono::steady_clock::now() > deadline)
      return unreachable(address.host, "the answer takes too long");
  }
}

}  // namespace

Result<std::string> https_get(const std::string& url, const std::vector<std::string>& thumbprints) {
  const Address address = TRY(parse_url(url));
  const Socket socket = TRY(connect_to(address));
  const TlsContext context(SSL_CTX_new(TLS_client_method()));
  if (!context) return unreachable(address.host, "TLS");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  // Many servers close without TLS's farewell. An answer that is cut off there is no JSON.
  SSL_CTX_set_options(context.get(), SSL_OP_IGNORE_UNEXPECTED_EOF);
  // Without the machine's authorities only thumbprints vouch.
  SSL_CTX_set_default_verify_paths(context.get());
  const Tls tls = TRY(open_tls(context.get(), socket, address, thumbprints));
  return exchange(tls.get(), address);
}

}  // namespace tidemill::services::iam
