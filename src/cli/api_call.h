// One call of the server's own API, signed as any client's: for commands that show what the server
// knows.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/value.h"
#include "server/settings.h"

namespace tidemill::cli {

// Where the server is and whose keys are used.
struct ApiTarget {
  std::string endpoint;  // "http://127.0.0.1:4566"
  std::string region, access_key_id, secret_access_key, session_token;
};

// AWS_* variables where they are set, else the data folder's as `tidemill env` has them.
Result<ApiTarget> api_target(const server::Settings& settings,
                             const std::map<std::string, std::string>& variables);

struct ApiCall {
  std::string service;  // as it is signed for: "iam"
  std::string method, target;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};
struct ApiAnswer {
  int status = 0;
  std::string body;
};

// Signs and sends. An answer of any status is a success. Plain http only.
Result<ApiAnswer> call_api(const ApiTarget& target, const ApiCall& call);

// GETs "http://127.0.0.1:4566/path" without a signature.
Result<ApiAnswer> get_url(const std::string& url,
                          const std::vector<std::pair<std::string, std::string>>& headers);

// Calls SageMaker's operation with a JSON document and returns the answer's. The error carries the
// server's code and message. Plain http only.
Result<Value> call_sagemaker(const ApiTarget& target, const std::string& operation,
                             const Value& input);

}  // namespace tidemill::cli
