// JSON Web Tokens of OpenID Connect providers (RFC 7519), signed with RSA or ECDSA (RFC 7518).
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "base/value.h"

namespace tidemill::services::iam {

struct Jwt {
  std::string algorithm;    // "RS256"
  std::string key_id;       // empty: the token names no key
  Value claims;             // an object
  std::string signed_text;  // header and claims as they came
  std::string signature;
};

// Takes the token apart and verifies nothing. InvalidIdentityToken.
Result<Jwt> parse_jwt(std::string_view text);

// Whether the key, a JSON Web Key (RFC 7517), signed the token. False as well for keys and
// algorithms other than RS256 to RS512 and ES256 to ES512.
bool signed_by(const Jwt& token, const Value& key);
// Whether the JSON Web Key is of a kind and size that can sign tokens.
bool is_signing_key(const Value& key);

}  // namespace tidemill::services::iam
