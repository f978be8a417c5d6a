#include "services/sagemaker/jobs/transform_job/data/csv_row.h"

#include <algorithm>

namespace tidemill::services::sagemaker::jobs {

Result<std::vector<std::string_view>> csv_fields(std::string_view row) {
  std::vector<std::string_view> out;
  std::size_t begin = 0;
  for (;;) {
    std::size_t end = begin;
    if (end < row.size() && row[end] == '"') {
      // To the quote that is not doubled.
      for (++end;; end += 2) {
        end = row.find('"', end);
        if (end == row.npos) return fail(codes::kInvalid, "a quote that does not close");
        if (end + 1 >= row.size() || row[end + 1] != '"') break;
      }
    }
    end = std::min(row.find(',', end), row.size());
    out.push_back(row.substr(begin, end - begin));
    if (end == row.size()) return out;
    begin = end + 1;
  }
}

std::vector<std::string_view> text_lines(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty()) out.push_back(line);
  }
  return out;
}

}  // namespace tidemill::services::sagemaker::jobs
