// S3's actions do not have its operations' names.
#pragma once

#include "services/iam/authorization/authorize.h"

namespace tidemill::services::iam {

// The actions of an operation, with the resources that its input names.
std::vector<RequiredAction> s3_actions(std::string_view operation, const Value& input);
// "GetEncryptionConfiguration" of "GetBucketEncryption", without a version's.
std::string s3_action(std::string_view operation);
// "bucket/key" of an x-amz-copy-source: decoded as services/s3 decodes it, without the version.
std::string copy_source_path(std::string_view source);

}  // namespace tidemill::services::iam
