// DataProcessing of a transform job: which part of a record the model sees, and what becomes of its
// answer. CSV by rows; JSON by documents: a record, or a line of JSON Lines.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "services/sagemaker/jobs/transform_job/data/batch_reader.h"
#include "services/sagemaker/jobs/transform_job/data/json_path.h"

namespace tidemill::services::sagemaker::jobs {

struct DataProcessingOptions {
  std::string input_filter = "$", output_filter = "$";
  bool join_input = false;
  std::string content_type;  // of the input
  std::string accept;        // of the answers; "" the same as the input
  SplitType split = SplitType::none;
  bool assemble_lines = false;
};

// Immutable and thread-safe. Errors of records are Tidemill.Invalid and name the record.
class DataProcessing {
 public:
  // Tidemill.Invalid: a path that is none, formats that cannot be filtered or joined.
  static Result<DataProcessing> make(const DataProcessingOptions& options);

  bool filters_input() const { return !input_filter_.selects_all(); }
  // The request to the model.
  Result<std::string> model_input(const Batch& batch) const;
  // Appends the output of the batch, for the output file.
  Result<void> append_output(const Batch& batch, std::string_view answer, std::string& out) const;

 private:
  enum class Format { other, csv, json, json_lines };
  static Format format_of(std::string_view media_type);

  // Rows or documents of the batch, with where they are for messages.
  struct Part {
    std::string_view text;
    std::string where;
  };
  std::vector<Part> parts(const Batch& batch) const;
  std::vector<std::string_view> answers(std::string_view answer, std::size_t parts) const;
  Result<std::string> filtered(const JsonPath& filter, std::string_view text) const;
  Result<std::string> joined(std::string_view input, std::string_view answer) const;

  JsonPath input_filter_, output_filter_;
  bool join_input_ = false;
  bool processes_output_ = false;
  bool assemble_lines_ = false;
  SplitType split_ = SplitType::none;
  Format format_ = Format::other;
};

inline constexpr const char* kJoinedInput = "SageMakerInput";
inline constexpr const char* kJoinedOutput = "SageMakerOutput";

}  // namespace tidemill::services::sagemaker::jobs
