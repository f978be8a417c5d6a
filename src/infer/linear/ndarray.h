// Files of MXNet arrays (mx.nd.save), the model format of SageMaker's built-in algorithms.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace tidemill::infer::linear {

struct NamedArray {
  std::string name;  // "" in files of arrays without names
  std::vector<std::size_t> shape;
  std::vector<float> values;  // row-major, converted from the file's type
};

bool looks_like_arrays(std::string_view head);

// Dense arrays of real or whole numbers, as written by MXNet 0.11 to 1.9. Tidemill.Invalid when the
// file is damaged or has other kinds of arrays.
Result<std::vector<NamedArray>> read_arrays(std::string_view bytes);

}  // namespace tidemill::infer::linear
