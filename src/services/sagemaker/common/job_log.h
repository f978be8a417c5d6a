// What jobs write, from compute/ to CloudWatch Logs.
#pragma once

#include <string>
#include <vector>

#include "compute/compute.h"
#include "services/logs/interface.h"

namespace tidemill::services::sagemaker {

struct LogPlace {
  std::string account, region, group, stream;
};

// Whether the stream is one job's alone. Then its lines have positions, and those that are
// delivered again after a crash are left out; the streams of servers go on from one attempt to the
// next.
enum class LogSource { one_job, many_jobs };

// False when the lines are to be delivered again: what JobListener::job_logged returns.
bool keep_lines(logs::LogsInterface& logs, const LogPlace& place,
                const std::vector<compute::LogLine>& lines, LogSource source);

}  // namespace tidemill::services::sagemaker
