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

std::unexpected<Error> cannot_fetch() {
  return fail("InvalidIdentityToken",
              "Couldn't retrieve verification key from your identity provider,  please reference "
              "AssumeRoleWithWebIdentity documentation for requirements",
              400);
}

Result<Value> get_json(const std::string& url, const std::vector<std::string>& thumbprints) {
  const std::string text = TRY(https_get(url, thumbprints));
  return parse_json(text);
}

// The provider's discovery document names where its keys are.
Result<std::vector<Value>> fetch(const OidcProviderRecord& provider) {
  const std::string issuer = "https://" + provider.url;
  const Value discovered =
      TRY(get_json(issuer + "/.well-known/openid-configuration", provider.thumbprints));
  const Value* name = discovered.find("issuer");
  const Value* place = discovered.find("jwks_uri");
  if (!name || !name->as_string() || *name->as_string() != issuer || !place || !place->as_string())
    return fail("Tidemill.Invalid", issuer + "'s discovery document names another issuer", 400);
  const Value document = TRY(get_json(*place->as_string(), provider.thumbprints));
  const Value* keys = document.find("keys");
  if (!keys || !keys->as_list())
    return fail("Tidemill.Invalid", *place->as_string() + " has no keys", 400);
  return *keys->as_list();
}

}  // namespace

bool ProviderKeys::any_signed(const std::vector<Value>& keys, const Jwt& token) {
  return std::ranges::any_of(keys, [&](const Value& key) {
    const Value* id = key.find("kid");
    if (!token.key_id.empty() && id && id->as_string() && *id->as_string() != token.key_id)
      return false;
    return signed_by(token, key);
  });
}

Result<void> ProviderKeys::verify(const OidcProviderRecord& provider, const Jwt& token) {
  const std::string arn = provider.arn();
  const Timestamp now = clock_.now();
  std::vector<Value> kept;
  bool usable = false;
  {
    std::lock_guard lock(mutex_);
    if (entries_.size() >= kEntriesMax) entries_.clear();
    Entry& entry = entries_[arn];
    const bool fresh = entry.fetched && now - *entry.fetched < kFreshFor;
    if (fresh && any_signed(entry.keys, token)) return {};
    usable = entry.fetched && now - *entry.fetched < kUsableFor;
    kept = entry.keys;
    if (entry.tried && now - *entry.tried < kBetweenTries) {
      if (usable && any_signed(kept, token)) return {};
      return entry.fetched ? fail("InvalidIdentityToken", "The token's signature is invalid.", 400)
                           : cannot_fetch();
    }
    entry.tried = now;
  }
  const Result<std::vector<Value>> fetched = fetch(provider);
  if (!fetched)
    log::warning("the keys of an OpenID Connect provider cannot be fetched",
                 {{"provider", arn}, {"why", fetched.error().message}});
  if (fetched) {
    std::lock_guard lock(mutex_);
    Entry& entry = entries_[arn];
    entry.keys = *fetched;
    entry.fetched = now;
  }
  const std::vector<Value>& keys = fetched ? *fetched : kept;
  if ((fetched || usable) && any_signed(keys, token)) return {};
  if (!fetched) return cannot_fetch();
  return fail("InvalidIdentityToken", "The token's signature is invalid.", 400);
}

}  // namespace tidemill::services::iam
