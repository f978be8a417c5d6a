// The names of trails' files.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-examples.html
#pragma once

#include <string>

#include "services/cloudtrail/trail/trail.h"

namespace tidemill::services::cloudtrail {

// "20261130T0412Z"; with seconds "20261130T041207Z".
std::string compact_time(Timestamp time, bool seconds);
// "prefix/AWSLogs/1/CloudTrail/us-east-1/2026/11/30/1_CloudTrail_us-east-1_20261130T0412Z_TOKEN.json.gz"
std::string log_file_key(const TrailRecord& trail, const std::string& region, Timestamp time,
                         const std::string& token);
// "prefix/AWSLogs/1/CloudTrail-Digest/REGION/2026/11/30/1_CloudTrail-Digest_REGION_TRAIL_HOME_END.json.gz"
std::string digest_file_key(const TrailRecord& trail, const std::string& region, Timestamp end);

// A gzip file whose bytes depend on `text` alone.
Result<std::string> gzip(std::string_view text);

}  // namespace tidemill::services::cloudtrail
