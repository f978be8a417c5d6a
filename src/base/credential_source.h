// Where the authenticator (wire/sigv4) finds secrets. services/iam implements it over the root key,
// users' keys and temporary credentials.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/value.h"

namespace tidemill {

struct Credential {
  std::string secret_access_key;
  std::string account;  // "123456789012"
  std::string arn;      // "arn:aws:iam::123456789012:root", an assumed-role ARN, ...
  std::string user_id;
  bool root = false;
  // For temporary credentials: requests must carry this token, and arrive before the expiry.
  std::optional<std::string> session_token = std::nullopt;
  std::optional<Timestamp> expiration = std::nullopt;
};

// Thread-safe. Every request calls find() on an event-loop thread, so it must answer from
// memory.
class CredentialSource {
 public:
  virtual ~CredentialSource() = default;
  // nullopt: this key does not exist.
  virtual Result<std::optional<Credential>> find(std::string_view access_key_id) = 0;
};

}  // namespace tidemill
