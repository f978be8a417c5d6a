#pragma once

namespace tidemill::server {

inline constexpr const char* kVersion = "0.1.0";

}  // namespace tidemill::server
