#include "infer/codec/media_type.h"

namespace tidemill::infer {
namespace {

struct KnownType {
  std::string_view name;
  RowFormat row;
  AnswerFormat answer;
};
constexpr KnownType kKnownTypes[] = {
    {"text/csv", RowFormat::csv, AnswerFormat::csv},
    {"application/json", RowFormat::json, AnswerFormat::json},
    {"application/jsonlines", RowFormat::json_lines, AnswerFormat::json_lines},
    {"application/x-jsonlines", RowFormat::json_lines, AnswerFormat::json_lines},
    {"application/jsonl", RowFormat::json_lines, AnswerFormat::json_lines},
    {"application/x-npy", RowFormat::npy, AnswerFormat::none},
    {"text/libsvm", RowFormat::libsvm, AnswerFormat::none},
    {"text/x-libsvm", RowFormat::libsvm, AnswerFormat::none},
    {"application/x-parquet", RowFormat::parquet, AnswerFormat::none},
    {"application/vnd.apache.parquet", RowFormat::parquet, AnswerFormat::none},
    {"application/x-recordio-protobuf", RowFormat::recordio, AnswerFormat::recordio},
    // SageMaker's containers also accept these words.
    {"csv", RowFormat::csv, AnswerFormat::csv},
    {"json", RowFormat::json, AnswerFormat::json},
    {"libsvm", RowFormat::libsvm, AnswerFormat::none},
    {"parquet", RowFormat::parquet, AnswerFormat::none},
    {"recordio-protobuf", RowFormat::recordio, AnswerFormat::none},
};

const KnownType* find(std::string_view name) {
  for (const KnownType& known : kKnownTypes)
    if (known.name == name) return &known;
  return nullptr;
}

AnswerFormat known_answer(std::string_view name) {
  const KnownType* known = find(name);
  return known ? known->answer : AnswerFormat::none;
}

}  // namespace

MediaType::MediaType(std::string_view header) {
  for (char letter : header) {
    if (letter == ';' || size_ == text_.size()) break;
    if (letter == ' ' || letter == '\t') continue;
    text_[size_++] = letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + 32) : letter;
  }
}

std::string media_type(std::string_view header) { return std::string(MediaType(header).name()); }

std::optional<std::string> media_parameter(std::string_view header, std::string_view name) {
  std::optional<std::string> found;
  for (std::size_t at = header.find(';'); at != std::string_view::npos; at = header.find(';')) {
    header.remove_prefix(at + 1);
    const std::string_view parameter = header.substr(0, header.find(';'));
    const std::size_t equals = parameter.find('=');
    if (equals == std::string_view::npos) continue;
    if (media_type(parameter.substr(0, equals)) != name) continue;
    std::string value = media_type(parameter.substr(equals + 1));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
      value = value.substr(1, value.size() - 2);
    found = std::move(value);
  }
  return found;
}

RowFormat row_format(std::string_view content_type) {
  const MediaType type(content_type);
  if (type.name().empty()) return RowFormat::csv;
  const KnownType* known = find(type.name());
  return known ? known->row : RowFormat::unknown;
}

AnswerFormat answer_format(std::string_view accept, std::string_view otherwise) {
  if (MediaType(accept).name().empty()) return known_answer(otherwise);
  while (!accept.empty()) {
    const std::size_t comma = accept.find(',');
    const MediaType type(accept.substr(0, comma));
    accept.remove_prefix(comma == std::string_view::npos ? accept.size() : comma + 1);
    const std::string_view name = type.name();
    if (name == "*/*" || name == "application/*" || name == "text/*")
      return known_answer(otherwise);
    const AnswerFormat format = known_answer(name);
    if (format != AnswerFormat::none) return format;
  }
  return AnswerFormat::none;
}

}  // namespace tidemill::infer
