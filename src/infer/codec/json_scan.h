// Rows of plain JSON without a document in between: what nearly all requests are.
#pragma once

#include <cstddef>
#include <string_view>

#include "infer/model.h"

namespace tidemill::infer {

// Append the rows of a body or of a line: [[1, 2], [3, 4]], [1, 2], {"features": [1, 2]}, and
// {"instances": ..} of them, numbers, booleans and nulls only. False, with the matrix as it was,
// for everything else, be it malformed or only unusual: the document reader tells.
// `cell`: where it gave up, when that was at a number of a row.
struct JsonCell {
  std::size_t row = 0, column = 0;  // from 1; 0: it was elsewhere
};
bool scan_json_rows(std::string_view text, Matrix& matrix, JsonCell& cell);
bool scan_json_line(std::string_view line, Matrix& matrix, JsonCell& cell);

}  // namespace tidemill::infer
