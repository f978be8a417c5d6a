#include "wire/server/tls_session.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "wire/http.h"

namespace tidemill::wire {
namespace {

constexpr unsigned char http_1_1_protocol[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* chosen_length,
                    const unsigned char* offered, unsigned int offered_length, void*) {
  unsigned char* found = nullptr;
  const int result = SSL_select_next_proto(&found, chosen_length, http_1_1_protocol,
                                           sizeof http_1_1_protocol, offered, offered_length);
  if (result != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_NOACK;
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

std::string openssl_error() {
  char text[256] = "unknown reason";
  if (unsigned long code = ERR_get_error()) ERR_error_string_n(code, text, sizeof text);
  ERR_clear_error();
  return text;
}

// OpenSSL's error for a file that is not there consists of codes.
Result<void> check_readable(const std::string& what, const std::string& path) {
  if (::access(path.c_str(), R_OK) == 0) return {};
  return fail(codes::kInvalid,
              "cannot read the " + what + " " + path + ": " + std::strerror(errno));
}

// Clients without SNI are accepted: they name no other host.
int check_server_name(SSL* session, int* alert, void* context) {
  const char* name = SSL_get_servername(session, TLSEXT_NAMETYPE_host_name);
  if (!name || static_cast<const TlsContext*>(context)->serves(name)) return SSL_TLSEXT_ERR_OK;
  *alert = SSL_AD_UNRECOGNIZED_NAME;
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

void set_options(SSL_CTX* context) {
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
}

}  // namespace

Result<std::unique_ptr<TlsContext>> TlsContext::load(const std::string& certificate_path,
                                                     const std::string& private_key_path) {
  TRY(check_readable("certificate", certificate_path));
  TRY(check_readable("private key", private_key_path));
  ssl_ctx_st* raw = SSL_CTX_new(TLS_server_method());
  if (!raw) return fail(codes::kIo, "OpenSSL cannot make a context: " + openssl_error());
  std::unique_ptr<TlsContext> context(new TlsContext(raw));
  set_options(raw);
  if (SSL_CTX_use_certificate_chain_file(raw, certificate_path.c_str()) != 1)
    return fail(codes::kInvalid,
                "cannot load the certificate " + certificate_path + ": " + openssl_error());
  if (SSL_CTX_use_PrivateKey_file(raw, private_key_path.c_str(), SSL_FILETYPE_PEM) != 1)
    return fail(codes::kInvalid,
                "cannot load the private key " + private_key_path + ": " + openssl_error());
  if (SSL_CTX_check_private_key(raw) != 1)
    return fail(codes::kInvalid, "the private key " + private_key_path +
                                     " does not belong to the certificate " + certificate_path);
  return context;
}

Result<std::unique_ptr<TlsContext>> TlsContext::for_host(std::string host, x509_st* certificate,
                                                         evp_pkey_st* private_key) {
  ssl_ctx_st* raw = SSL_CTX_new(TLS_server_method());
  if (!raw) return fail(codes::kIo, "OpenSSL cannot make a context: " + openssl_error());
  std::unique_ptr<TlsContext> context(new TlsContext(raw));
  context->host_ = std::move(host);
  set_options(raw);
  SSL_CTX_set_tlsext_servername_callback(raw, check_server_name);
  SSL_CTX_set_tlsext_servername_arg(raw, context.get());
  if (SSL_CTX_use_certificate(raw, certificate) != 1 ||
      SSL_CTX_use_PrivateKey(raw, private_key) != 1)
    return fail(codes::kIo, "OpenSSL refuses a certificate that it made: " + openssl_error());
  return context;
}

// May be called twice for one session, the second time for the chosen context, which then checks
// the name.
int TlsContext::choose_by_name(ssl_st* session, int* alert, void* context) {
  const char* name = SSL_get_servername(session, TLSEXT_NAMETYPE_host_name);
  *alert = SSL_AD_UNRECOGNIZED_NAME;
  if (!name) return SSL_TLSEXT_ERR_ALERT_FATAL;
  std::shared_ptr<TlsContext> chosen = static_cast<const TlsContext*>(context)->find_(name);
  if (!chosen) return SSL_TLSEXT_ERR_ALERT_FATAL;
  SSL_set_SSL_CTX(session, chosen->context_);
  static_cast<TlsSession*>(SSL_get_app_data(session))->chosen_ = std::move(chosen);
  return SSL_TLSEXT_ERR_OK;
}

Result<std::unique_ptr<TlsContext>> TlsContext::by_name(Find find) {
  ssl_ctx_st* raw = SSL_CTX_new(TLS_server_method());
  if (!raw) return fail(codes::kIo, "OpenSSL cannot make a context: " + openssl_error());
  std::unique_ptr<TlsContext> context(new TlsContext(raw));
  context->find_ = std::move(find);
  set_options(raw);
  SSL_CTX_set_tlsext_servername_callback(raw, choose_by_name);
  SSL_CTX_set_tlsext_servername_arg(raw, context.get());
  return context;
}

bool TlsContext::serves(std::string_view server_name) const {
  return host_.empty() || equal_ignoring_case(server_name, host_);
}

TlsContext::~TlsContext() { SSL_CTX_free(context_); }

TlsSession::TlsSession(TlsContext& context) : session_(SSL_new(context.context_)) {
  SSL_set_bio(session_, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  SSL_set_accept_state(session_);
  SSL_set_app_data(session_, this);
}

TlsSession::~TlsSession() { SSL_free(session_); }

TlsSession::Fed TlsSession::feed(std::string_view ciphertext, std::string& plaintext) {
  ERR_clear_error();
  if (!ciphertext.empty())
    BIO_write(SSL_get_rbio(session_), ciphertext.data(), int(ciphertext.size()));
  char buffer[16384];
  for (;;) {
    const int count = SSL_read(session_, buffer, sizeof buffer);
    if (SSL_is_init_finished(session_)) handshake_done_ = true;
    if (count > 0) {
      plaintext.append(buffer, std::size_t(count));
      continue;
    }
    const int reason = SSL_get_error(session_, count);
    collect_output();
    if (reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE) return Fed::ok;
    return reason == SSL_ERROR_ZERO_RETURN ? Fed::closed : Fed::failed;
  }
}

bool TlsSession::write(std::string_view plaintext) {
  if (!handshake_done_) return false;
  ERR_clear_error();
  while (!plaintext.empty()) {
    const int count = SSL_write(session_, plaintext.data(),
                                int(std::min<std::size_t>(plaintext.size(), 1 << 20)));
    if (count <= 0) return false;
    plaintext.remove_prefix(std::size_t(count));
  }
  collect_output();
  return true;
}

void TlsSession::close_notify() {
  if (!handshake_done_) return;
  ERR_clear_error();
  SSL_shutdown(session_);
  collect_output();
}

std::string TlsSession::version() const {
  const std::string_view name = SSL_get_version(session_);  // "TLSv1.3"
  constexpr std::string_view kPrefix = "TLSv";
  return std::string(name.starts_with(kPrefix) ? name.substr(kPrefix.size()) : name);
}

const std::string& TlsSession::chosen_host() const {
  static const std::string none;
  return chosen_ ? chosen_->host_ : none;
}

void TlsSession::collect_output() {
  BIO* wire = SSL_get_wbio(session_);
  char* data = nullptr;
  const long count = BIO_get_mem_data(wire, &data);
  if (count <= 0) return;
  output_.append(data, std::size_t(count));
  (void)BIO_reset(wire);
}

std::string TlsSession::take_output() { return std::exchange(output_, {}); }

}  // namespace tidemill::wire
