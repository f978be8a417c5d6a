// Limits that more than one folder must agree on. A limit of one folder lives in that folder.
#pragma once

#include <cstddef>

namespace tidemill::limits {

inline constexpr std::size_t json_depth_max = 128;
// Bodies up to this size are gathered on the event loop before a worker sees them.
inline constexpr std::size_t buffered_body_bytes_max = 1u << 20;

}  // namespace tidemill::limits
