// The public keys of OpenID Connect providers, fetched when a token needs them and kept.
#pragma once

#include <map>
#include <memory>
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

  // Whether one of the provider's keys signed the token. Blocks while it fetches them,
  // which only a few callers do at a time. InvalidIdentityToken, IDPCommunicationError.
  Result<void> verify(const OidcProviderRecord& provider, const Jwt& token);

 private:
  using Keys = std::shared_ptr<const std::vector<Value>>;
  struct Entry {
    Keys keys;
    std::optional<Timestamp> fetched, tried;
  };
  enum class Turn { mine, tried_lately, others_wait };
  static bool any_signed(const Keys& keys, const Jwt& token);
  Entry entry(const std::string& arn);
  // Turn::mine: fetch_in_turn() must follow.
  Turn begin_fetch(const std::string& arn, Timestamp now);
  Result<Keys> fetch_in_turn(const OidcProviderRecord& provider, const std::string& arn,
                             Timestamp now);

  const Clock& clock_;
  std::mutex mutex_;
  // Keyed by the provider's ARN. Guarded by mutex_.
  std::map<std::string, Entry> entries_;
  std::size_t fetching_ = 0;  // guarded by mutex_
};

}  // namespace tidemill::services::iam
