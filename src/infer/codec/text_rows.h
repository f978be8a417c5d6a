// The text and binary row formats behind decode_rows; also read from files by train/.
#pragma once

#include <string_view>

#include "base/error.h"
#include "infer/model.h"

namespace tidemill::infer {

// All rows must have as many columns as the first. Empty fields are missing values. The delimiter
// is a comma, or else a tab, semicolon or blank when the first row has no comma. Tidemill.Invalid:
// "row 3, column 7: 'abc' is not a number".
Result<Matrix> parse_csv(std::string_view text);
// "label 1:0.5 7:2" or "1:0.5 7:2": indices are column numbers (as XGBoost reads them; column 0 is
// allowed). At least `columns_min` columns; those not named are missing.
Result<Matrix> parse_libsvm(std::string_view text, std::size_t columns_min);
// {"instances": [[..], {"features": [..]}]}, [[..], [..]], [..], {"features": [..]}.
Result<Matrix> parse_json_rows(std::string_view text);
Result<Matrix> parse_json_lines(std::string_view text);
// NumPy's .npy, versions 1 to 3, one or two dimensions of real numbers.
Result<Matrix> parse_npy(std::string_view bytes, std::size_t feature_count);

}  // namespace tidemill::infer
