// This server's own certificate authority, only for AWS's host names: clients that trust it reach
// the server under the names of AWS's services.
#pragma once

#include <chrono>
#include <filesystem>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "base/error.h"

namespace tidemill::wire {

class TlsContext;

// Limit of certificates kept in memory; each bucket has its own host name, so there may be
// many.
inline constexpr std::size_t host_certificates_max = 512;
// A host certificate's validity; a new one is made after half of that.
inline constexpr std::chrono::hours host_certificate_time{24 * 30};

// Thread-safe.
class LocalAuthority {
 public:
  // Reads `authority-key.pem` and `authority.pem` in the folder, or makes both: an elliptic-curve
  // key (mode 0600) and a certificate valid for ten years and, by its name constraints, only for
  // AWS's domains; both are durable on return. Tidemill.Invalid when others may read the key,
  // Tidemill.Corrupt when a file is damaged or the two do not match; both say what to do.
  static Result<std::unique_ptr<LocalAuthority>> load_or_create(const std::filesystem::path& folder,
                                                                const Clock& clock);
  ~LocalAuthority();

  // PEM text for clients to trust; DER is its binary form.
  const std::string& certificate_pem() const { return certificate_pem_; }
  const std::string& certificate_der() const { return certificate_der_; }
  // A context with a certificate for exactly this name, cached or made now (half a millisecond).
  // Tidemill.Invalid for names that are not AWS's.
  Result<std::shared_ptr<TlsContext>> context_for(std::string_view host);

 private:
  struct Keys;
  struct HostContext {
    std::string host;
    std::shared_ptr<TlsContext> context;  // shared with the sessions that use it
    Timestamp renew_after;
  };
  LocalAuthority(std::unique_ptr<Keys> keys, const Clock& clock);
  Result<std::shared_ptr<TlsContext>> make_context(const std::string& host);

  const std::unique_ptr<Keys> keys_;
  const Clock& clock_;
  std::string certificate_pem_, certificate_der_;

  std::mutex mutex_;
  std::list<HostContext> recent_;  // guarded by mutex_; most recently used first
  std::unordered_map<std::string_view, std::list<HostContext>::iterator> by_host_;  // guarded
};

}  // namespace tidemill::wire
