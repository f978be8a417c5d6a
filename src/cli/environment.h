// `tidemill env`: what a shell, or a program, needs so that AWS's clients talk to this server.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "server/settings.h"

namespace tidemill::cli {

struct EnvironmentOptions {
  // The root key instead of a role's credentials.
  bool root = false;
  // The role that clients act as; empty: the one that the first start made.
  std::string role = {};
  // AWS's own host names lead to this server, too.
  bool transparent = false;
  // The caller's NO_PROXY, which is added to.
  std::string no_proxy = {};
};

struct ClientEnvironment {
  std::map<std::string, std::string> variables;
  // Variables that would win over those above.
  std::vector<std::string> unset;
  // What to tell the caller beside; empty when a server runs on the data folder.
  std::string warning = {};
};

// Reads what the server left in <data>/server.json (else what `listen` says) and the root key in
// <data>/root-key.json. Writes <data>/sagemaker-config.yaml, the SageMaker SDK's own configuration
// with telemetry off, and an empty AWS configuration. Tidemill.NotFound when no server has run on
// this folder.
Result<ClientEnvironment> client_environment(const server::Settings& settings,
                                             const EnvironmentOptions& options);

}  // namespace tidemill::cli
