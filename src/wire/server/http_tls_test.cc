// The server behind TLS, tested with OpenSSL's own client.
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "wire/server/http_test_support.h"
#include "wire/server/tls_session.h"

namespace tidemill::wire {
namespace {

// A folder with a fresh key and a certificate signed by it.
struct Certificate {
  Certificate() {
    char name[] = "/tmp/tidemill_tls_test_XXXXXX";
    folder = mkdtemp(name);
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME* subject = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
    X509_set_issuer_name(certificate, subject);
    X509_sign(certificate, key, EVP_sha256());
    FILE* key_file = fopen(key_path().c_str(), "w");
    PEM_write_PrivateKey(key_file, key, nullptr, nullptr, 0, nullptr, nullptr);
    fclose(key_file);
    FILE* certificate_file = fopen(certificate_path().c_str(), "w");
    PEM_write_X509(certificate_file, certificate);
    fclose(certificate_file);
    X509_free(certificate);
    EVP_PKEY_free(key);
  }
  ~Certificate() { std::filesystem::remove_all(folder); }
  std::string key_path() const { return folder + "/key.pem"; }
  std::string certificate_path() const { return folder + "/certificate.pem"; }
  HttpServerOptions options() const {
    HttpServerOptions result;
    result.tls_certificate_path = certificate_path();
    result.tls_private_key_path = key_path();
    return result;
  }
  std::string folder;
};

class TlsClient {
 public:
  explicit TlsClient(std::uint16_t port) : context_(SSL_CTX_new(TLS_client_method())) {
    descriptor_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    EXPECT_EQ(0, ::connect(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address));
    session_ = SSL_new(context_);
    const unsigned char protocols[] = "\x02h2\x08http/1.1";
    SSL_set_alpn_protos(session_, protocols, sizeof protocols - 1);
    SSL_set_fd(session_, descriptor_);
    EXPECT_EQ(1, SSL_connect(session_));
  }
  ~TlsClient() {
    SSL_free(session_);
    SSL_CTX_free(context_);
    ::close(descriptor_);
  }
  std::string protocol() const {
    const unsigned char* name = nullptr;
    unsigned int length = 0;
    SSL_get0_alpn_selected(session_, &name, &length);
    return std::string(reinterpret_cast<const char*>(name), length);
  }
  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const int count = SSL_write(session_, bytes.data(), int(bytes.size()));
      ASSERT_GT(count, 0);
      bytes.remove_prefix(std::size_t(count));
    }
  }
  // Reads up to the end of the stream.
  std::string receive_all() {
    std::string all;
    char buffer[16384];
    for (;;) {
      const int count = SSL_read(session_, buffer, sizeof buffer);
      if (count <= 0) break;
      all.append(buffer, std::size_t(count));
    }
    ended_properly = SSL_get_shutdown(session_) & SSL_RECEIVED_SHUTDOWN;
    return all;
  }
  bool ended_properly = false;

 private:
  SSL_CTX* context_;
  SSL* session_;
  int descriptor_;
};

std::string body_of(const std::string& response) {
  return response.substr(response.find("\r\n\r\n") + 4);
}

const std::string closing = "HTTP/1.1\r\nHost: t\r\nConnection: close\r\n";

TEST(HttpTls, ServesRequests) {
  Certificate certificate;
  TestServer server(
      [](HttpRequest request, HttpHandler::Respond respond) {
        const std::string* version = request.headers.find(tls_version_field);
        respond(text_response(request.path + (request.tls ? " tls" : " plain") +
                              (version ? *version : "")));
      },
      certificate.options());
  TlsClient client(server.port());
  EXPECT_EQ("http/1.1", client.protocol());
  client.send("GET /one HTTP/1.1\r\nHost: t\r\n\r\nGET /two " + closing + "\r\n");
  const std::string all = client.receive_all();
  EXPECT_NE(std::string::npos, all.find("/one tls"));
  EXPECT_TRUE(all.ends_with("/two tls1.3"));
  EXPECT_TRUE(client.ended_properly);
}

TEST(HttpTls, CarriesLargeBodiesBothWays) {
  Certificate certificate;
  TestServer* running = nullptr;
  TestServer server(
      [&](HttpRequest request, HttpHandler::Respond respond) {
        running->submit([request = std::move(request), respond = std::move(respond)]() mutable {
          Result<std::string> all = read_all(*request.stream, 1u << 30);
          HttpResponse response;
          if (request.path == "/stream")
            response.stream = std::make_unique<StringSource>(std::move(*all));
          else
            response.body = std::move(*all);
          respond(std::move(response));
        });
      },
      certificate.options());
  running = &server;
  std::string body(4'000'000, ' ');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = char('a' + i % 23);
  for (const char* path : {"/stream", "/body"}) {
    TlsClient client(server.port());
    client.send(std::string("PUT ") + path + " " + closing + "Content-Length: 4000000\r\n\r\n");
    client.send(body);
    EXPECT_TRUE(body == body_of(client.receive_all())) << path;
  }
}

TEST(HttpTls, PlainTextIsNoHandshake) {
  Certificate certificate;
  TestServer server(echo, certificate.options());
  RawClient client(server.port());
  client.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n");
  EXPECT_TRUE(client.ended());
  EXPECT_TRUE(eventually([&] { return server.counters().connections_active == 0; }));
}

TEST(HttpTls, BadFilesAreNamed) {
  Certificate certificate;
  Certificate other;
  HttpServerOptions options = certificate.options();
  options.port = 0;
  options.tls_private_key_path = other.key_path();
  runtime::EventLoops loops(1);
  runtime::WorkerPool pool({});
  FunctionHandler handler(echo);
  Result<void> mismatched = HttpServer(loops, pool, handler, options).start();
  ASSERT_FALSE(mismatched);
  EXPECT_EQ(codes::kInvalid, mismatched.error().code);
  options.tls_certificate_path = "/nonexistent.pem";
  Result<void> missing = HttpServer(loops, pool, handler, options).start();
  ASSERT_FALSE(missing);
  EXPECT_EQ("cannot read the certificate /nonexistent.pem: No such file or directory",
            missing.error().message);
}

}  // namespace
}  // namespace tidemill::wire
