// `tidemill env`: what a shell, or a program, needs so that AWS's clients talk to this server.
#pragma once

#include <map>
#include <string>

#include "base/error.h"
#include "server/settings.h"

namespace tidemill::cli {

// Reads the endpoint the server left in <data>/server.json (else what `listen` says) and the root
// key in <data>/root-key.json. Writes <data>/sagemaker-config.yaml, the SageMaker SDK's own
// configuration with telemetry off. Tidemill.NotFound when no server has run on this folder.
Result<std::map<std::string, std::string>> client_environment(const server::Settings& settings);

}  // namespace tidemill::cli
