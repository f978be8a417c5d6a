// Logs at the start which libraries the Python interpreter of jobs and models can import.
#pragma once

#include <stop_token>
#include <string>

namespace tidemill::services::sagemaker {

// Asks the interpreter (about 100 ms) and logs one line: the installed libraries with their
// versions, and the missing ones among those that scripts and models for SageMaker's images use.
// Gives up after ten seconds, or when told to stop.
void log_interpreter(const std::string& python, std::stop_token stop);

}  // namespace tidemill::services::sagemaker
