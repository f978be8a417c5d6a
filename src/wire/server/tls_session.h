// TLS without sockets: OpenSSL over memory, so that the connection's code is the same with and
// without it.
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

// A server's certificate and key; TLS 1.2 and later, ALPN http/1.1. Thread-safe once made.
class TlsContext {
 public:
  // Tidemill.Invalid when a file cannot be read or key and certificate do not belong together.
  static Result<std::unique_ptr<TlsContext>> load(const std::string& certificate_path,
                                                  const std::string& private_key_path);
  // For one host name: clients that ask for another (SNI) are refused with an alert. Borrows
  // nothing.
  static Result<std::unique_ptr<TlsContext>> for_host(std::string host, x509_st* certificate,
                                                      evp_pkey_st* private_key);
  // For every name that `find` has a context for, the one that the client asks for (SNI); others,
  // and clients that name none, are refused with an alert. `find` is called on the sessions'
  // threads, and must not block.
  using Find = std::function<std::shared_ptr<TlsContext>(const std::string& name)>;
  static Result<std::unique_ptr<TlsContext>> by_name(Find find);
  // True when clients may ask for this name.
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
  Find find_;         // empty: this context itself is the one
};

// One connection's state. Used by one thread.
class TlsSession {
 public:
  explicit TlsSession(TlsContext& context);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  enum class Fed { ok, closed, failed };
  // Takes bytes off the wire, appends what they decrypt to. The handshake happens inside; what it
  // has to say waits in output().
  Fed feed(std::string_view ciphertext, std::string& plaintext);
  // Encrypts into output(); false before the handshake is done or after a failure.
  bool write(std::string_view plaintext);
  void close_notify();
  // Bytes for the wire.
  std::string take_output();
  // The host that the client asked a context by_name() for; "" when there is no such choice, or not
  // yet.
  const std::string& chosen_host() const;

 private:
  friend class TlsContext;
  void collect_output();
  ssl_st* session_;
  // Of the name that was asked for. Shared: it may be forgotten by whoever found it.
  std::shared_ptr<TlsContext> chosen_;
  std::string output_;
  bool handshake_done_ = false;
};

}  // namespace tidemill::wire
