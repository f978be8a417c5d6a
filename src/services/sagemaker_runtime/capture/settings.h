// What of data capture a deployment decides.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/value.h"

namespace tidemill::services::sagemaker_runtime {

class CaptureRoute;

// What one variant captures, and where it goes.
struct CaptureSettings {
  std::string account, region, endpoint, variant;
  std::string bucket, prefix;  // of the destination; the prefix may be empty
  std::string role_arn;        // of the model; it must be allowed to write there
  Timestamp role_since = {};   // when the role was passed; {}: not known
  int sampling_percentage = 100;
  bool input = true, output = true;
  // Media types whose bodies are kept as they are; all others become base64.
  std::vector<std::string> csv_content_types, json_content_types;
  bool operator==(const CaptureSettings&) const = default;
};

// Where routes of data capture come from. Thread-safe.
class CaptureDestinations {
 public:
  virtual ~CaptureDestinations() = default;
  // The same route while one with equal settings is alive: publishing a route again closes no file.
  // Shared: with the requests under way on it.
  virtual std::shared_ptr<const CaptureRoute> open(CaptureSettings settings) = 0;
};

}  // namespace tidemill::services::sagemaker_runtime
