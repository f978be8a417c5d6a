#include "services/iam/oidc/provider_keys.h"

#include <algorithm>
#include <chrono>

#include "base/json.h"
#include "base/log.h"
#include "services/iam/oidc/https_get.h"

namespace tidemill::services::iam {
namespace {

constexpr std::chrono::hours kFreshFor{1};
// How long keys are used when they cannot be fetched again because the provider does not answer.
constexpr std::chrono::hours kUsableFor{24};
// Callers without credentials can cause a fetch, so a provider is asked at most once in this time.
constexpr std::chrono::seconds kBetweenTries{10};
constexpr std::size_t kEntriesMax = 1000;
// AWS has the same limit. A token that names no key is compared with all of them.
constexpr std::size_t kKeysMax = 100;
// Each holds a worker while its provider is slow.
constexpr std::size_t kFetchesMax = 2;

std::unexpected<Error> cannot_fetch() {
  return fail("InvalidIdentityToken",
              "Couldn't retrieve verification key from your identity provider,  please reference "
              "AssumeRoleWithWebIdentity documentation for requirements",
              400);
}

std::unexpected<Error> busy() {
  return fail("IDPCommunicationError",
              "The identity provider that was asked to verify the incoming identity token could "
              "not be reached; try again.",
              400);
}

std::string_view without_slash(std::string_view url) {
  if (url.ends_with('/')) url.remove_suffix(1);
  return url;
}

Result<Value> get_json(const std::string& url, const std::vector<std::string>& thumbprints) {
  const std::string text = TRY(https_get(url, thumbprints));
  return parse_json(text);
}

// The provider's discovery document names where its keys are.
Result<std::shared_ptr<const std::vector<Value>>> fetch(const OidcProviderRecord& provider) {
  const std::string issuer = "https://" + provider.url;
  const Value discovered =
      TRY(get_json(issuer + "/.well-known/openid-configuration", provider.thumbprints));
  const Value* name = discovered.find("issuer");
  const Value* place = discovered.find("jwks_uri");
  if (!name || !name->as_string() || without_slash(*name->as_string()) != issuer || !place ||
      !place->as_string())
    return fail("Tidemill.Invalid", issuer + "'s discovery document names another issuer", 400);
  const Value document = TRY(get_json(*place->as_string(), provider.thumbprints));
  const Value* keys = document.find("keys");
  if (!keys || !keys->as_list())
    return fail("Tidemill.Invalid", *place->as_string() + " has no keys", 400);
  auto usable = std::make_shared<std::vector<Value>>();
  for (const Value& key : *keys->as_list()) {
    if (!is_signing_key(key)) continue;
    if (usable->size() == kKeysMax)
      return fail("Tidemill.Invalid", *place->as_string() + " has too many keys", 400);
    usable->push_back(key);
  }
  return std::shared_ptr<const std::vector<Value>>(std::move(usable));
}

}  // namespace

bool ProviderKeys::any_signed(const Keys& keys, const Jwt& token) {
  return keys && std::ranges::any_of(*keys, [&](const Value& key) {
           const Value* id = key.find("kid");
           if (!token.key_id.empty() && id && id->as_string() && *id->as_string() != token.key_id)
             return false;
           return signed_by(token, key);
         });
}

ProviderKeys::Entry ProviderKeys::entry(const std::string& arn) {
  std::lock_guard lock(mutex_);
  const auto found = entries_.find(arn);
  return found == entries_.end() ? Entry() : found->second;
}

ProviderKeys::Turn ProviderKeys::begin_fetch(const std::string& arn, Timestamp now) {
  std::lock_guard lock(mutex_);
  if (entries_.size() >= kEntriesMax) entries_.clear();
  Entry& entry = entries_[arn];
  if (entry.tried && now - *entry.tried < kBetweenTries) return Turn::tried_lately;
  if (fetching_ >= kFetchesMax) return Turn::others_wait;
  entry.tried = now;
  ++fetching_;
  return Turn::mine;
}

Result<ProviderKeys::Keys> ProviderKeys::fetch_in_turn(const OidcProviderRecord& provider,
                                                       const std::string& arn, Timestamp now) {
  struct End {
    ProviderKeys& keys;
    ~End() {
      std::lock_guard lock(keys.mutex_);
      --keys.fetching_;
    }
  } const end{*this};
  Result<Keys> fetched = fetch(provider);
  if (!fetched) {
    log::warning("the keys of an OpenID Connect provider cannot be fetched",
                 {{"provider", arn}, {"why", fetched.error().message}});
    return fetched;
  }
  std::lock_guard lock(mutex_);
  Entry& entry = entries_[arn];
  entry.keys = *fetched;
  entry.fetched = now;
  return fetched;
}

// Signatures are verified outside the lock: that takes long, and strangers can ask for it.
Result<void> ProviderKeys::verify(const OidcProviderRecord& provider, const Jwt& token) {
  const std::string arn = provider.arn();
  const Timestamp now = clock_.now();
  const Entry kept = entry(arn);
  const bool fresh = kept.fetched && now - *kept.fetched < kFreshFor;
  const bool usable = kept.fetched && now - *kept.fetched < kUsableFor;
  if (fresh && any_signed(kept.keys, token)) return {};
  // Keys that are no longer fresh are asked only when newer ones cannot be had.
  const auto by_kept = [&] { return usable && !fresh && any_signed(kept.keys, token); };
  const std::unexpected<Error> invalid =
      fail("InvalidIdentityToken", "The token's signature is invalid.", 400);
  switch (begin_fetch(arn, now)) {
    case Turn::tried_lately:
      if (by_kept()) return {};
      if (kept.fetched) return invalid;
      return cannot_fetch();
    case Turn::others_wait:
      if (by_kept()) return {};
      return busy();
    case Turn::mine:
      break;
  }
  const Result<Keys> fetched = fetch_in_turn(provider, arn, now);
  if (fetched ? any_signed(*fetched, token) : by_kept()) return {};
  if (!fetched) return cannot_fetch();
  return invalid;
}

}  // namespace tidemill::services::iam
