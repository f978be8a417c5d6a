// Rows of plain JSON without a document in between: what nearly all requests are.
#pragma once

#include <string_view>

#include "infer/model.h"

namespace tidemill::infer {

// Append the rows of a body or of a line: [[1, 2], [3, 4]], [1, 2], {"features": [1, 2]}, and
// {"instances": ..} of them, numbers, booleans and nulls only. False, with the matrix as it was,
// for everything else, be it malformed or only unusual: the document reader tells.
bool scan_json_rows(std::string_view text, Matrix& matrix);
bool scan_json_line(std::string_view line, Matrix& matrix);

}  // namespace tidemill::infer
