// The regions of AWS's standard partition. Generated from botocore's partitions by
// codegen/regions.py.
#pragma once

#include <span>
#include <string_view>

namespace tidemill::api {

// Sorted: "af-south-1", ...
std::span<const std::string_view> region_names();

}  // namespace tidemill::api
