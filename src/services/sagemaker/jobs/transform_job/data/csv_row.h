// Rows of CSV as text: fields keep their quotes and digits.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace tidemill::services::sagemaker::jobs {

// The fields of one row (RFC 4180, without line ends in quotes) as they stand. Tidemill.Invalid
// for a quote that does not close.
Result<std::vector<std::string_view>> csv_fields(std::string_view row);

// Lines without their ends (\n or \r\n); empty ones are left out.
std::vector<std::string_view> text_lines(std::string_view text);

}  // namespace tidemill::services::sagemaker::jobs
