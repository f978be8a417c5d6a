// Reads rows of plain JSON, which nearly all requests are, without building a document.
#pragma once

#include <cstddef>
#include <string_view>

#include "infer/model.h"

namespace tidemill::infer {

// Append the rows of a body or of a line: [[1, 2], [3, 4]], [1, 2], {"features": [1, 2]}, and
// {"instances": ..} of these; only numbers, booleans and nulls. False, with the matrix unchanged,
// for anything malformed or unusual, which the document reader then handles. `cell`: where it gave
// up, if that was at a number of a row.
struct JsonCell {
  std::size_t row = 0, column = 0;  // from 1; 0: elsewhere
};
bool scan_json_rows(std::string_view text, Matrix& matrix, JsonCell& cell);
bool scan_json_line(std::string_view line, Matrix& matrix, JsonCell& cell);

}  // namespace tidemill::infer
