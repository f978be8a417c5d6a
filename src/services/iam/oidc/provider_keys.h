// The public keys of OpenID Connect providers, fetched when a token needs them and kept.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/value.h"
#include "services/iam/oidc/jwt.h"
#include "services/iam/records.h"

namespace tidemill::services::iam {

// Thread-safe.
class ProviderKeys {
 public:
  explicit ProviderKeys(const Clock& clock) : clock_(clock) {}

  // Whether one of the provider's keys signed the token. Blocks while it fetches them.
  // InvalidIdentityToken.
  Result<void> verify(const OidcProviderRecord& provider, const Jwt& token);

 private:
  struct Entry {
    std::vector<Value> keys;
    std::optional<Timestamp> fetched, tried;
  };
  static bool any_signed(const std::vector<Value>& keys, const Jwt& token);

  const Clock& clock_;
  std::mutex mutex_;
  // By the provider's ARN. Guarded by mutex_.
  std::map<std::string, Entry> entries_;
};

}  // namespace tidemill::services::iam
