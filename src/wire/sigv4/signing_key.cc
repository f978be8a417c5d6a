#include "wire/sigv4/signing_key.h"

#include <mutex>

namespace tidemill::wire::sigv4 {
namespace {

std::string cache_key(std::string_view secret, const Scope& scope) {
  std::string key;
  key.reserve(secret.size() + scope.date.size() + scope.region.size() + scope.service.size() + 3);
  key.append(scope.date).append("\n").append(scope.region).append("\n");
  key.append(scope.service).append("\n").append(secret);
  return key;
}

}  // namespace

Digest derive_signing_key(std::string_view secret, const Scope& scope) {
  std::string prefixed = "AWS4";
  prefixed += secret;
  Digest date_key = hmac_sha256(prefixed, scope.date);
  Digest region_key = hmac_sha256(view(date_key), scope.region);
  Digest service_key = hmac_sha256(view(region_key), scope.service);
  return hmac_sha256(view(service_key), "aws4_request");
}

SigningKeyCache::Key SigningKeyCache::find_or_derive(std::string_view secret,
                                                     const Scope& scope) const {
  {
    std::string key = cache_key(secret, scope);
    std::shared_lock lock(mutex_);
    if (auto found = keys_.find(key); found != keys_.end()) return {found->second, true};
  }
  return {derive_signing_key(secret, scope), false};
}

void SigningKeyCache::remember(std::string_view secret, const Scope& scope, const Digest& key) {
  std::unique_lock lock(mutex_);
  // Keys are valid for a day at most; clearing now and then is simpler than an LRU order.
  if (keys_.size() >= kKeysMax) keys_.clear();
  keys_.insert_or_assign(cache_key(secret, scope), key);
}

std::size_t SigningKeyCache::size() const {
  std::shared_lock lock(mutex_);
  return keys_.size();
}

}  // namespace tidemill::wire::sigv4
