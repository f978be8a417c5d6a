// Facts about a request besides its input, and about its caller. Global condition keys are made
// of them.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/value.h"
#include "services/iam/interface.h"
#include "services/platform/handlers/handlers.h"
#include "services/platform/module/tag_sources.h"

namespace tidemill::services::iam {

// Facts of the HTTP request. Borrowed for the time of one decision.
struct RequestFacts {
  std::string_view region;
  Timestamp received;
  std::string_view remote_address = {};  // "127.0.0.1:52344"; empty: this server itself asks
  bool secure = true;
  std::string_view tls_version = "1.3";  // empty: it came without TLS
  // A header's value, or nullptr; an empty function: there are none. Names in lower case.
  std::function<const std::string*(std::string_view)> header = {};
  std::string_view authentication = {};     // "REST-HEADER", "REST-QUERY-STRING"
  std::string_view signature_version = {};  // "AWS4-HMAC-SHA256", "AWS"
  std::optional<Timestamp> signed_at = std::nullopt;
};
// Borrows from the context.
RequestFacts facts_of(const Context& context);

// Facts of the caller, from its session and its role.
struct CallerFacts {
  std::string_view arn;  // aws:PrincipalArn: of a session its role's
  std::string_view account;
  std::string_view user_id;
  std::string_view type = "AssumedRole";  // "Account" for root, "User"
  std::string_view user_name = {};        // of a user
  const std::map<std::string, std::string>* tags = nullptr;
  bool temporary = true;  // credentials that expire
  std::optional<Timestamp> issued = std::nullopt;
  std::string_view source_identity = {};
  std::string_view provider = {};  // the ARN of the identity provider that vouched
};

using platform::TagSources;

}  // namespace tidemill::services::iam
