// Calls the server's own API with a signature, like any client: for commands that show the server's
// state.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/value.h"
#include "server/settings.h"

namespace tidemill::cli {

// The server's address, and the keys to sign with.
struct ApiTarget {
  std::string endpoint;  // "http://127.0.0.1:4566"
  std::string region, access_key_id, secret_access_key, session_token;
};

// From AWS_* variables where set, else from the data folder, as in `tidemill env`.
Result<ApiTarget> api_target(const server::Settings& settings,
                             const std::map<std::string, std::string>& variables);

struct ApiCall {
  std::string service;  // the signing name: "iam"
  std::string method;
  std::string target;  // parameters are encoded and in the order of their names
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};
struct ApiAnswer {
  int status = 0;
  std::string body;
};

// Signs and sends the request. Any HTTP status is a success. Plain http only.
Result<ApiAnswer> call_api(const ApiTarget& target, const ApiCall& call);

// GETs "http://127.0.0.1:4566/path" unsigned.
Result<ApiAnswer> get_url(const std::string& url,
                          const std::vector<std::pair<std::string, std::string>>& headers);

// Calls a SageMaker operation with a JSON document and returns the JSON answer. Errors carry the
// server's code and message. Plain http only.
Result<Value> call_sagemaker(const ApiTarget& target, const std::string& operation,
                             const Value& input);

}  // namespace tidemill::cli
