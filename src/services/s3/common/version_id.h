// Version ids: opaque to clients. They carry the version's sequence, so that its row is found
// without an index.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/random.h"

namespace tidemill::services::s3 {

inline constexpr std::string_view kNullVersion = "null";

std::string make_version_id(std::uint64_t sequence, Random& random);
// nullopt when no version has such an id.
std::optional<std::uint64_t> sequence_of_version_id(std::string_view version_id);
// InvalidArgument unless it is absent, "null" or has the form of a version id.
Result<void> check_version_id(const std::optional<std::string>& version_id);

}  // namespace tidemill::services::s3
