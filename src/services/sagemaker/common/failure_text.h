// Extracts the text of a FailureReason from the log of a failed program.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "services/sagemaker/common/images/images.h"

namespace tidemill::services::sagemaker {

// Number of lines taken from a log without a traceback.
inline constexpr std::size_t kLastLinesDefault = 10;

// The part of a log's end that says why a program failed: its last Python traceback, else the last
// lines. Cut to `bytes_max`, but with the exception's own line. Leaves out what is not the user's:
// text that native libraries add to exceptions (XGBoost's "Stack trace:" of C++ frames) and frames
// of Tidemill's own Python packages.
std::string failure_in_log(std::string_view log, std::size_t bytes_max,
                           std::size_t last_lines_max = kLastLinesDefault);

// The same with the exception's line first, since people read the beginning.
std::string exception_first(std::string_view log, std::size_t bytes_max,
                            std::size_t last_lines_max = kLastLinesDefault);

// "ValueError: no" from a traceback; "" when it has no such line.
std::string_view exception_line(std::string_view traceback);

// Hides folders of this machine: `own_folder` becomes /opt/ml, and the toolkit's modules are shown
// without a folder.
std::string hide_server_paths(std::string text, const std::string& own_folder,
                              const Programs& programs);

}  // namespace tidemill::services::sagemaker
