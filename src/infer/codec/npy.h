// NumPy's .npy, versions 1 to 3.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace tidemill::infer {

struct NpyArray {
  std::string descr;  // "<f8": byte order ('<', '>', '|'), kind, bytes an element
  bool fortran_order = false;
  std::vector<std::size_t> shape;
  std::string_view data;  // the rest of the bytes: may be too few or too many
};
Result<NpyArray> read_npy(std::string_view bytes);

}  // namespace tidemill::infer
