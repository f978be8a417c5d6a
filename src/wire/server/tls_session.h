// TLS without sockets: OpenSSL works on memory, so that the connection's code is the same with and
// without TLS.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

struct evp_pkey_st;
struct ssl_ctx_st;
struct ssl_st;
struct x509_st;

namespace tidemill::wire {

// Among a request's headers: the version of TLS that it came by. No client can send a field whose
// name begins with a colon.
inline constexpr const char* tls_version_field = ":tls-version";

// A server's certificate and key; TLS 1.2 and later, ALPN http/1.1. Thread-safe once built.
class TlsContext {
 public:
  // Tidemill.Invalid when a file cannot be read or key and certificate do not match.
  static Result<std::unique_ptr<TlsContext>> load(const std::string& certificate_path,
                                                  const std::string& private_key_path);
  // For one host name: clients that request another (SNI) are refused with an alert. Does not
  // borrow its arguments.
  static Result<std::unique_ptr<TlsContext>> for_host(std::string host, x509_st* certificate,
                                                      evp_pkey_st* private_key);
  // For every name for which `find` returns a context. Clients that request another name (SNI),
  // or none, are refused with an alert. `find` is called on the sessions' threads and must not
  // block.
  using Find = std::function<std::shared_ptr<TlsContext>(const std::string& name)>;
  static Result<std::unique_ptr<TlsContext>> by_name(Find find);
  // True when clients may request this name.
  bool serves(std::string_view server_name) const;
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

 private:
  friend class TlsSession;
  static int choose_by_name(ssl_st* session, int* alert, void* context);
  explicit TlsContext(ssl_ctx_st* context) : context_(context) {}
  ssl_ctx_st* context_;
  std::string host_;  // empty: any
  Find find_;         // empty: this context itself is used
};

// One connection's state. Used by one thread.
class TlsSession {
 public:
  explicit TlsSession(TlsContext& context);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  enum class Fed { ok, closed, failed };
  // Takes bytes from the wire and appends the decrypted ones. It also does the handshake, whose
  // output waits in output().
  Fed feed(std::string_view ciphertext, std::string& plaintext);
  // Encrypts into output(); false before the handshake has ended or after a failure.
  bool write(std::string_view plaintext);
  void close_notify();
  // Bytes for the wire.
  std::string take_output();
  // "1.2" or "1.3", once the handshake has ended.
  std::string version() const;
  // The host that the client requested from a by_name() context; "" for other contexts, or before
  // the request.
  const std::string& chosen_host() const;

 private:
  friend class TlsContext;
  void collect_output();
  ssl_st* session_;
  // The requested name's context. Shared, because its finder may drop it.
  std::shared_ptr<TlsContext> chosen_;
  std::string output_;
  bool handshake_done_ = false;
};

}  // namespace tidemill::wire
