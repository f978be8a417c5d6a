// Writes jobs' output from compute/ to CloudWatch Logs.
#pragma once

#include <string>
#include <vector>

#include "compute/compute.h"
#include "services/logs/interface.h"

namespace tidemill::services::sagemaker {

struct LogPlace {
  std::string account, region, group, stream;
};

// Whether the stream belongs to a single job. If so, its lines have positions, and lines that are
// delivered again after a crash are left out. Streams of model servers continue from one attempt to
// the next.
enum class LogSource { one_job, many_jobs };

// Returns false when the lines must be delivered again: the result of JobListener::job_logged.
bool keep_lines(logs::LogsInterface& logs, const LogPlace& place,
                const std::vector<compute::LogLine>& lines, LogSource source);

}  // namespace tidemill::services::sagemaker
