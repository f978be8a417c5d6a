// Fetches a small document from an identity provider, over TLS.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace tidemill::services::iam {

// Blocks for some seconds at most; follows no redirects. `url` begins with "https://". The server's
// certificate must come from an authority that this machine trusts, or from one whose certificate
// (or be one that) has one of the SHA-1 thumbprints, and be made out to the URL's host.
// Tidemill.Io, Tidemill.Invalid.
Result<std::string> https_get(const std::string& url, const std::vector<std::string>& thumbprints);

}  // namespace tidemill::services::iam
