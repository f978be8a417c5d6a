#include "wire/sigv4/signing_key.h"

#include <boost/container/small_vector.hpp>
#include <mutex>

namespace tidemill::wire::sigv4 {
namespace {

// The bytes of a usual key of the cache; longer ones cost an allocation.
constexpr std::size_t kKeyBytesUsual = 128;

// "date\nregion\nservice\nsecret".
class CacheKey {
 public:
  CacheKey(std::string_view secret, const Scope& scope) {
    for (std::string_view part : {scope.date, scope.region, scope.service}) {
      add(part);
      text_.push_back('\n');
    }
    add(secret);
  }
  std::string_view view() const { return {text_.data(), text_.size()}; }

 private:
  void add(std::string_view part) { text_.insert(text_.end(), part.begin(), part.end()); }
  boost::container::small_vector<char, kKeyBytesUsual> text_;
};

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
    const CacheKey key(secret, scope);
    std::shared_lock lock(mutex_);
    if (auto found = keys_.find(key.view()); found != keys_.end()) return {found->second, true};
  }
  return {derive_signing_key(secret, scope), false};
}

void SigningKeyCache::remember(std::string_view secret, const Scope& scope, const Digest& key) {
  std::unique_lock lock(mutex_);
  // Keys are valid for a day at most; clearing now and then is simpler than an LRU order.
  if (keys_.size() >= kKeysMax) keys_.clear();
  keys_.insert_or_assign(std::string(CacheKey(secret, scope).view()), key);
}

std::size_t SigningKeyCache::size() const {
  std::shared_lock lock(mutex_);
  return keys_.size();
}

}  // namespace tidemill::wire::sigv4
