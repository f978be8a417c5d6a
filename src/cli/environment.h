// `tidemill env`: the variables that make AWS's clients in a shell or program use this server.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "server/settings.h"

namespace tidemill::cli {

struct EnvironmentOptions {
  // Use the root key instead of a role's credentials.
  bool root = false;
  // The role for clients to act as; empty: the one that the first start made.
  std::string role = {};
  // Make AWS's own host names lead to this server, too.
  bool transparent = false;
  // The caller's NO_PROXY, to which ours is added.
  std::string no_proxy = {};
};

struct ClientEnvironment {
  std::map<std::string, std::string> variables;
  // Variables to remove, because they would override the others.
  std::vector<std::string> unset;
  // A warning for the caller; empty when a server runs on the data folder.
  std::string warning = {};
};

// Reads the running server's address from <data>/server.json (else the setting `listen`) and the
// root key from <data>/root-key.json. Writes <data>/sagemaker-config.yaml, a SageMaker SDK
// configuration with telemetry off, and an empty AWS configuration. Tidemill.NotFound when no
// server has ever run on this folder.
Result<ClientEnvironment> client_environment(const server::Settings& settings,
                                             const EnvironmentOptions& options);

}  // namespace tidemill::cli
