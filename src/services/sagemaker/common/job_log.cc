#include "services/sagemaker/common/job_log.h"

namespace tidemill::services::sagemaker {

bool keep_lines(logs::LogsInterface& logs, const LogPlace& place,
                const std::vector<compute::LogLine>& lines, LogSource source) {
  std::vector<logs::LogEvent> events;
  events.reserve(lines.size());
  for (const compute::LogLine& line : lines)
    events.push_back({line.time, line.text, source == LogSource::one_job ? line.offset : 0});
  return logs.append(place.account, place.region, place.group, place.stream, std::move(events))
      .has_value();
}

}  // namespace tidemill::services::sagemaker
