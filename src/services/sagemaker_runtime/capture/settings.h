// The part of data capture that a deployment decides.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/value.h"

namespace tidemill::services::sagemaker_runtime {

class CaptureRoute;

// The data that one variant captures, and where they are written.
struct CaptureSettings {
  std::string account, region, endpoint, variant;
  std::string bucket, prefix;  // of the destination; the prefix may be empty
  std::string role_arn;        // the model's role, which must be allowed to write there
  Timestamp role_since = {};   // when the role was passed; {}: not known
  int sampling_percentage = 100;
  bool input = true, output = true;
  // Media types whose bodies are kept as text; all others are base64-encoded.
  std::vector<std::string> csv_content_types, json_content_types;
  bool operator==(const CaptureSettings&) const = default;
};

// Opens routes of data capture. Thread-safe.
class CaptureDestinations {
 public:
  virtual ~CaptureDestinations() = default;
  // Returns the same route while an equal one is alive, so republishing a route closes no file.
  // Shared with the requests that use it.
  virtual std::shared_ptr<const CaptureRoute> open(CaptureSettings settings) = 0;
};

}  // namespace tidemill::services::sagemaker_runtime
