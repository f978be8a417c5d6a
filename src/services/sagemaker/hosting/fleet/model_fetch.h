// Model data: from S3 into a folder.
#pragma once

#include <functional>
#include <string>

#include "services/sagemaker/common/dependencies.h"

namespace tidemill::services::sagemaker::hosting {

struct ModelFetch {
  std::string account;
  std::string role_arn;
  std::string uri;         // s3://bucket/key; "" makes an empty folder
  bool compressed = true;  // one tar.gz; else the object and every object below uri + "/"
  std::string program;     // of code/, made executable when it is no Python script; "" none
  // Asked between pieces of the work; true ends it with Tidemill.Cancelled. Empty: never.
  std::function<bool()> stopped = {};
  std::string region = {};
  Timestamp role_since = {};  // as RoleUse::since
};

// Fetches the data with the role's rights. `folder` is made as a whole or not at all; nothing is
// done when it exists already. The error Tidemill.Invalid is the user's (no such object, no access,
// a broken archive); others may pass.
Result<void> fetch_model_data(const Dependencies& dependencies, const ModelFetch& fetch,
                              const std::string& folder);

}  // namespace tidemill::services::sagemaker::hosting
