// Fetches a small document from an identity provider, over TLS.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace tidemill::services::iam {

// Blocks for a few seconds at most; does not follow redirects. `url` begins with "https://". The
// certificate must match the host, and either be trusted by this machine or have one of the SHA-1
// thumbprints in its chain. Errors: Tidemill.Io, Tidemill.Invalid.
Result<std::string> https_get(const std::string& url, const std::vector<std::string>& thumbprints);

}  // namespace tidemill::services::iam
