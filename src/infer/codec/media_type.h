// Content-Type and Accept values.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace tidemill::infer {

// "text/csv" from " Text/CSV; charset=utf-8", without a heap allocation. Names longer than any
// known one are cut.
class MediaType {
 public:
  explicit MediaType(std::string_view header);
  std::string_view name() const { return {text_.data(), size_}; }

 private:
  std::array<char, 64> text_;
  std::size_t size_ = 0;
};

std::string media_type(std::string_view header);

// The value of a parameter, without its quotes: "1" for label_size in "text/csv; label_size=1";
// nullopt when the header does not have it. If repeated, the last one counts.
std::optional<std::string> media_parameter(std::string_view header, std::string_view name);

// The formats of request bodies.
enum class RowFormat { csv, json, json_lines, libsvm, npy, parquet, recordio, unknown };
// An empty header means text/csv.
RowFormat row_format(std::string_view content_type);

// The formats of answers.
enum class AnswerFormat { csv, json, json_lines, recordio, none };
// The first supported type in an Accept header's list; `otherwise` when the header is empty or its
// first usable entry is a wildcard; none when it names only unsupported types.
AnswerFormat answer_format(std::string_view accept, std::string_view otherwise);

}  // namespace tidemill::infer
