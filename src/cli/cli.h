// The command line: what `tidemill COMMAND` does, but for running the server itself.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "base/error.h"
#include "server/settings.h"

namespace tidemill::cli {

// What only the server's wiring can do.
struct ServerCommands {
  // Runs until a stop signal; the process's exit code.
  std::function<int(const server::Settings&)> serve;
  // Which operations are implemented, for people or as JSON (what docs/coverage.md is made from).
  std::function<std::string(bool as_json)> coverage;
  // The container images that are known and what runs them, for people or as JSON.
  std::function<std::string(bool as_json)> images;
};

// The process's exit code: 0 done, 1 failed, 2 wrong usage.
int run(int argc, char** argv, const ServerCommands& commands);

}  // namespace tidemill::cli
