// What the Python interpreter of jobs and models can import, told at the start.
#pragma once

#include <stop_token>
#include <string>

namespace tidemill::server {

// Asks the interpreter, some 100 ms, and logs one line: the libraries that it has with their
// versions, and those that it lacks of the ones that scripts and models of SageMaker's images use.
// Gives up after ten seconds or when told to stop.
void log_interpreter(const std::string& python, std::stop_token stop);

}  // namespace tidemill::server
