// What a failed program says of itself, made fit for a FailureReason.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "services/sagemaker/common/images/images.h"

namespace tidemill::services::sagemaker {

// Lines taken from a log without a traceback.
inline constexpr std::size_t kLastLinesDefault = 10;

// The end of a log that says why a program failed: its last Python traceback, else the last lines.
// Cut to `bytes_max`, so that the exception's own line stays. What is not the user's is left out:
// what native libraries add to their exceptions (XGBoost's "Stack trace:" of C++ frames), and the
// frames of Tidemill's own Python packages.
std::string failure_in_log(std::string_view log, std::size_t bytes_max,
                           std::size_t last_lines_max = kLastLinesDefault);

// The same with the exception's own line first, since people read the beginning.
std::string exception_first(std::string_view log, std::size_t bytes_max,
                            std::size_t last_lines_max = kLastLinesDefault);

// "ValueError: no" of a traceback; "" when it has no such line.
std::string_view exception_line(std::string_view traceback);

// Without folders of this machine: `own_folder` reads as /opt/ml, and modules of the toolkit stand
// below no folder.
std::string hide_server_paths(std::string text, const std::string& own_folder,
                              const Programs& programs);

}  // namespace tidemill::services::sagemaker
