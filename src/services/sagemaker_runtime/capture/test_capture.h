// For tests of what is captured: where it goes, in memory.
#pragma once

#include "services/s3/test_s3.h"
#include "services/sagemaker_runtime/capture/settings.h"

namespace tidemill::services::sagemaker_runtime {

using s3::TestS3;

// Of the variant A of the endpoint churn, to the bucket "bucket" that a TestS3 has to have.
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
