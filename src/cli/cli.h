// The command line: every `tidemill COMMAND`, except for running the server itself.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "base/error.h"
#include "server/settings.h"

namespace tidemill::cli {

// Functions that need the server's wiring.
struct ServerCommands {
  // Runs until a stop signal; returns the process's exit code.
  std::function<int(const server::Settings&)> serve;
  // The implemented operations, for people or as JSON (the source of docs/coverage.md).
  std::function<std::string(bool as_json)> coverage;
  // The known container images and what runs them, for people or as JSON.
  std::function<std::string(bool as_json)> images;
  // Checks the audit log, or an exported file when one is named; exports it to a file.
  std::function<int(const server::Settings&, const std::string& file)> verify_audit, export_audit;
};

// Returns the process's exit code: 0 done, 1 failed, 2 wrong usage.
int run(int argc, char** argv, const ServerCommands& commands);

}  // namespace tidemill::cli
