#include "services/sagemaker/jobs/transform_job/data/data_processing.h"

#include "base/json.h"
#include "infer/codec/media_type.h"
#include "services/sagemaker/jobs/transform_job/data/csv_row.h"
#include "services/sagemaker/jobs/transform_job/data/json_text.h"

namespace tidemill::services::sagemaker::jobs {

namespace {

std::unexpected<Error> invalid(std::string message) {
  return fail(codes::kInvalid, std::move(message));
}

Result<std::string> selected_fields(const JsonPath& filter, std::string_view row) {
  const std::vector<std::string_view> fields = TRY(csv_fields(row));
  std::string out;
  bool first = true;
  for (const std::size_t column : TRY(filter.columns(fields.size()))) {
    if (!first) out += ',';
    first = false;
    out += fields[column];
  }
  return out;
}

}  // namespace

DataProcessing::Format DataProcessing::format_of(std::string_view type) {
  const std::string media = infer::media_type(type);
  if (media == "text/csv") return Format::csv;
  if (media == "application/json") return Format::json;
  if (media == "application/jsonlines" || media == "application/x-jsonlines" ||
      media == "application/x-ndjson")
    return Format::json_lines;
  return Format::other;
}

Result<DataProcessing> DataProcessing::make(const DataProcessingOptions& options) {
  DataProcessing out;
  out.input_filter_ = TRY(JsonPath::parse(options.input_filter));
  out.output_filter_ = TRY(JsonPath::parse(options.output_filter));
  out.join_input_ = options.join_input;
  out.processes_output_ = options.join_input || !out.output_filter_.selects_all();
  out.assemble_lines_ = options.assemble_lines;
  out.split_ = options.split;
  out.format_ = format_of(options.content_type);
  if (!out.filters_input() && !out.processes_output_) return out;
  if (out.format_ == Format::other)
    return invalid("InputFilter, OutputFilter and JoinSource need the ContentType text/csv, " +
                   std::string("application/json or application/jsonlines, not '") +
                   options.content_type + "'.");
  if (options.split != SplitType::none && options.split != SplitType::line)
    return invalid("InputFilter, OutputFilter and JoinSource need the SplitType None or Line.");
  if (out.format_ == Format::csv) {
    TRY(out.input_filter_.check_for_csv());
    TRY(out.output_filter_.check_for_csv());
  }
  const bool csv_answers = options.accept.empty() ? out.format_ == Format::csv
                                                  : format_of(options.accept) == Format::csv;
  const bool json_answers = options.accept.empty()
                                ? out.format_ != Format::csv
                                : format_of(options.accept) == Format::json ||
                                      format_of(options.accept) == Format::json_lines;
  if (out.processes_output_ && (out.format_ == Format::csv ? !csv_answers : !json_answers))
    return invalid("OutputFilter and JoinSource need an Accept of the same kind as ContentType: " +
                   options.content_type + " cannot be joined with '" + options.accept + "'.");
  return out;
}

std::vector<DataProcessing::Part> DataProcessing::parts(const Batch& batch) const {
  std::vector<Part> out;
  if (split_ == SplitType::line || format_ == Format::json) {
    for (const BatchRecord& record : batch.records)
      out.push_back({batch.text(record), split_ == SplitType::line
                                             ? "line " + std::to_string(record.number)
                                             : "the file"});
    return out;
  }
  std::uint64_t number = 0;
  for (const std::string_view line : text_lines(batch.payload))
    out.push_back({line, "row " + std::to_string(++number)});
  return out;
}

Result<std::string> DataProcessing::filtered(const JsonPath& filter, std::string_view text) const {
  if (format_ == Format::csv) return selected_fields(filter, text);
  TRY(check_json(text));
  return filter.select(text);
}

Result<std::string> DataProcessing::model_input(const Batch& batch) const {
  if (!filters_input()) return batch.payload;
  std::string out;
  out.reserve(batch.payload.size());
  bool first = true;
  for (const Part& part : parts(batch)) {
    Result<std::string> selected = filtered(input_filter_, part.text);
    if (!selected) return invalid(part.where + ": InputFilter: " + selected.error().message);
    if (!first) out += '\n';
    first = false;
    out += *selected;
  }
  return out;
}

std::vector<std::string_view> DataProcessing::answers(std::string_view answer,
                                                      std::size_t parts) const {
  // One document may be written over several lines.
  if (parts == 1 && format_ != Format::csv) return {trim_white_space(answer)};
  return text_lines(answer);
}

Result<std::string> DataProcessing::joined(std::string_view input, std::string_view answer) const {
  if (!join_input_) return std::string(answer);
  if (format_ == Format::csv) return std::string(input) + "," + std::string(answer);
  TRY(check_json(input));
  std::string out = "{";
  if (is_json_object(input)) {
    for (const JsonMember& member : json_members(input)) {
      if (member.name == kJoinedOutput) continue;  // reserved: overwritten
      out += member.quoted;
      out += ':';
      append_compact_json(member.value, out);
      out += ',';
    }
  } else {
    out += std::string("\"") + kJoinedInput + "\":";
    append_compact_json(input, out);
    out += ',';
  }
  out += std::string("\"") + kJoinedOutput + "\":";
  append_compact_json(answer, out);
  return out + "}";
}

Result<void> DataProcessing::append_output(const Batch& batch, std::string_view answer,
                                           std::string& out) const {
  if (!processes_output_) {
    out += answer;
    if (assemble_lines_ && !answer.ends_with('\n')) out += '\n';
    return {};
  }
  const std::vector<Part> inputs = parts(batch);
  const std::vector<std::string_view> outputs = answers(answer, inputs.size());
  if (outputs.size() != inputs.size())
    return invalid("the model answered " + std::to_string(outputs.size()) + " lines for " +
                   std::to_string(inputs.size()) +
                   " records; to join and filter them there must be one line a record (or " +
                   "BatchStrategy SingleRecord)");
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (format_ != Format::csv) {
      if (Result<void> good = check_json(outputs[i]); !good)
        return invalid(inputs[i].where + ": the model's answer is " + good.error().message);
    }
    Result<std::string> whole = joined(inputs[i].text, outputs[i]);
    if (!whole) return invalid(inputs[i].where + ": JoinSource: " + whole.error().message);
    if (!output_filter_.selects_all()) {
      whole = filtered(output_filter_, *whole);
      if (!whole) return invalid(inputs[i].where + ": OutputFilter: " + whole.error().message);
    }
    out += *whole;
    // A single document stands as it is unless lines are wanted.
    if (assemble_lines_ || format_ != Format::json || split_ == SplitType::line) out += '\n';
  }
  return {};
}

}  // namespace tidemill::services::sagemaker::jobs
