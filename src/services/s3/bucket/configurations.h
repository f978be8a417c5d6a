// A bucket's configurations as clients sent them, by their subresources' names.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "services/s3/common/core.h"

namespace tidemill::services::s3 {

inline constexpr std::string_view kCors = "cors";
inline constexpr std::string_view kEncryption = "encryption";
inline constexpr std::string_view kPublicAccessBlock = "publicAccessBlock";
inline constexpr std::string_view kRequestPayment = "requestPayment";
inline constexpr std::string_view kAccelerate = "accelerate";
inline constexpr std::string_view kNotification = "notification";

// nullopt: the bucket has none.
template <class Configuration>
Result<std::optional<Configuration>> configuration(const Core& core, const Bucket& bucket,
                                                   std::string_view name) {
  const auto record = core.buckets.record(bucket);
  if (!record->configurations) return std::optional<Configuration>();
  auto found = record->configurations->find(std::string(name));
  if (found == record->configurations->end()) return std::optional<Configuration>();
  Configuration out;
  TRY(from_value(found->second, out));
  return std::optional(std::move(out));
}

}  // namespace tidemill::services::s3
