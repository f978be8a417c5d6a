// Helpers shared by the tests of this folder.
#pragma once

#include <map>
#include <string>

#include "base/clock.h"
#include "base/credential_source.h"
#include "wire/http.h"
#include "wire/sigv4/authenticator.h"

namespace tidemill::wire::sigv4 {

class MapCredentials final : public CredentialSource {
 public:
  Result<std::optional<Credential>> find(std::string_view access_key_id) override {
    auto found = keys.find(access_key_id);
    if (found == keys.end()) return std::optional<Credential>();
    return std::optional(found->second);
  }
  std::map<std::string, Credential, std::less<>> keys;
};

inline HttpRequest make_request(std::string method, std::string target,
                                std::initializer_list<Headers::Field> headers,
                                std::string body = {}) {
  HttpRequest request;
  request.method = std::move(method);
  request.target = std::move(target);
  for (const auto& [name, value] : headers) request.headers.add(name, value);
  request.body = std::move(body);
  if (!parse_target(request)) std::abort();
  return request;
}

inline Timestamp at(std::string_view iso8601) { return parse_iso8601(iso8601).value(); }

}  // namespace tidemill::wire::sigv4
