// For tests of data capture: an in-memory destination.
#pragma once

#include "services/s3/test_s3.h"
#include "services/sagemaker_runtime/capture/settings.h"

namespace tidemill::services::sagemaker_runtime {

using s3::TestRoles;
using s3::TestS3;

// For variant A of the endpoint churn; a TestS3 must have the bucket "bucket".
inline CaptureSettings test_capture_settings() {
  CaptureSettings out;
  out.account = "123456789012";
  out.region = "us-east-1";
  out.endpoint = "churn";
  out.variant = "A";
  out.bucket = "bucket";
  out.prefix = "captured";
  out.csv_content_types = {"text/csv"};
  return out;
}

}  // namespace tidemill::services::sagemaker_runtime
