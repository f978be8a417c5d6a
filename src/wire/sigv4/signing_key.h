// The signing key of one secret, day, region and service: cached, because deriving it takes four
// HMACs.
#pragma once

#include <functional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "wire/sigv4/hash.h"

namespace tidemill::wire::sigv4 {

// The middle of a credential: "20261123/us-east-1/s3/aws4_request".
struct Scope {
  std::string_view date;  // "20261123"
  std::string_view region;
  std::string_view service;
};

Digest derive_signing_key(std::string_view secret, const Scope& scope);

// Thread-safe and bounded.
class SigningKeyCache {
 public:
  static constexpr std::size_t kKeysMax = 4096;

  struct Key {
    Digest digest;
    bool cached = false;
  };
  Key find_or_derive(std::string_view secret, const Scope& scope) const;
  // Only for keys that verified a signature, so that made-up scopes cannot push real ones out.
  void remember(std::string_view secret, const Scope& scope, const Digest& key);
  std::size_t size() const;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };
  mutable std::shared_mutex mutex_;
  std::unordered_map<std::string, Digest, Hash, std::equal_to<>> keys_;  // guarded by mutex_
};

}  // namespace tidemill::wire::sigv4
