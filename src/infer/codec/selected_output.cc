#include "infer/codec/selected_output.h"

#include <algorithm>
#include <limits>
#include <set>

#include "base/json.h"
#include "infer/codec/recordio.h"

namespace tidemill::infer {
namespace {

const std::set<std::string> kKeys = {"predicted_label", "labels",    "probability",
                                     "probabilities",   "raw_score", "raw_scores",
                                     "predicted_score"};

constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();

enum class Task {
  regression,
  binary_probability,
  binary_score,
  multi_label,
  multi_probability,
  none
};

Task task_of(const std::string& objective) {
  if (objective == "binary:logistic") return Task::binary_probability;
  if (objective == "binary:logitraw" || objective == "binary:hinge") return Task::binary_score;
  if (objective == "multi:softmax") return Task::multi_label;
  if (objective == "multi:softprob") return Task::multi_probability;
  for (const char* known : {"reg:squarederror", "reg:linear", "reg:logistic", "reg:gamma",
                            "reg:tweedie", "reg:squaredlogerror", "reg:pseudohubererror"})
    if (objective == known) return Task::regression;
  return Task::none;
}

// The content of one key for one row; null when the objective does not have it.
class Row {
 public:
  Row(Task task, const Model& model, const float* values, std::size_t columns)
      : task_(task), model_(model), values_(values), columns_(columns) {}

  Value content(const std::string& key) const {
    if (task_ == Task::regression) return key == "predicted_score" ? Value(first()) : Value();
    if (key == "predicted_label") return label();
    if (key == "labels") return labels();
    if (key == "raw_score") return best();
    if (key == "raw_scores") return all();
    const bool probabilities =
        task_ == Task::binary_probability || task_ == Task::multi_probability;
    if (key == "probability" && probabilities) return best();
    if (key == "probabilities" && probabilities) return all();
    return {};
  }

 private:
  double first() const { return values_[0]; }
  Value best() const {
    if (task_ != Task::multi_probability) return first();
    return static_cast<double>(*std::max_element(values_, values_ + columns_));
  }
  Value label() const {
    switch (task_) {
      case Task::binary_probability:
        return first() > 0.5 ? 1 : 0;
      case Task::binary_score:
        return model_.objective() == "binary:hinge" ? Value(first()) : Value(first() > 0 ? 1 : 0);
      case Task::multi_probability:
        return static_cast<std::int64_t>(std::max_element(values_, values_ + columns_) - values_);
      default:
        return first();
    }
  }
  Value labels() const {
    const bool binary = task_ == Task::binary_probability || task_ == Task::binary_score;
    ValueList out;
    for (std::size_t i = 0; i < (binary ? 2 : model_.class_count()); ++i)
      out.emplace_back(static_cast<std::int64_t>(i));
    return out;
  }
  Value all() const {
    if (task_ != Task::multi_probability) return ValueList{1.0 - first(), first()};
    ValueList out;
    for (std::size_t i = 0; i < columns_; ++i) out.emplace_back(static_cast<double>(values_[i]));
    return out;
  }

  Task task_;
  const Model& model_;
  const float* values_;
  std::size_t columns_;
};

// Python's form: "[0.25, 0.75]", and nan by its name in JSON or CSV.
std::string text_of(const Value& value, std::string_view nothing) {
  if (value.is_null()) return std::string(nothing);
  const ValueList* list = value.as_list();
  if (!list) return write_json(value);
  std::string text = "[";
  for (const Value& each : *list) text += (text.size() > 1 ? ", " : "") + write_json(each);
  return text + "]";
}

std::string csv_line(const Row& row, const std::vector<std::string>& keys) {
  std::string line;
  for (const std::string& key : keys) {
    const Value content = row.content(key);
    const std::string text = text_of(content, "nan");
    line += (line.empty() ? "" : ",") + (content.as_list() ? "\"" + text + "\"" : text);
  }
  return line;
}

std::string object_text(const Row& row, const std::vector<std::string>& keys) {
  std::string text = "{";
  for (const std::string& key : keys) {
    if (text.size() > 1) text += ", ";
    write_json_string(key, text);
    text += ": " + text_of(row.content(key), "NaN");
  }
  return text + "}";
}

float number_of(const Value& value) {
  if (const double* real = value.get_if<double>()) return static_cast<float>(*real);
  if (const std::int64_t* whole = value.get_if<std::int64_t>()) return static_cast<float>(*whole);
  return static_cast<float>(kNothing);
}

void append_record_of(const Row& row, const std::vector<std::string>& keys, std::string& out) {
  std::vector<std::vector<float>> numbers;
  std::vector<NamedNumbers> labels;
  numbers.reserve(keys.size());
  for (const std::string& key : keys) {
    const Value content = row.content(key);
    std::vector<float>& values = numbers.emplace_back();
    if (const ValueList* list = content.as_list())
      for (const Value& value : *list) values.push_back(number_of(value));
    else
      values.push_back(number_of(content));
    labels.push_back({key, values});
  }
  append_record(labels, out);
}

}  // namespace

Result<std::string> encode_selected(const Predictions& predictions, const Model& model,
                                    AnswerFormat format, const std::vector<std::string>& keys,
                                    bool last_line_ends) {
  const Task task = task_of(model.objective());
  if (task == Task::none)
    return fail(
        "BadRequest",
        "Objective `" + model.objective() + "` unsupported for selectable inference predictions.",
        400);
  for (const std::string& key : keys)
    if (!kKeys.contains(key))
      return fail("BadRequest",
                  "SAGEMAKER_INFERENCE_OUTPUT names the unknown content '" + key + "'", 400);
  std::string out;
  if (format == AnswerFormat::json) out = "{\"predictions\": [";
  for (std::size_t at = 0; at < predictions.rows; ++at) {
    const Row row(task, model, predictions.values.data() + at * predictions.columns,
                  predictions.columns);
    if (format == AnswerFormat::csv) {
      out += (at ? "\n" : "") + csv_line(row, keys);
    } else if (format == AnswerFormat::recordio) {
      append_record_of(row, keys, out);
    } else if (format == AnswerFormat::json_lines) {
      out += object_text(row, keys) + "\n";
    } else {
      out += (at ? ", " : "") + object_text(row, keys);
    }
  }
  if (format == AnswerFormat::json) out += "]}";
  if (format == AnswerFormat::csv && last_line_ends) out += '\n';
  return out;
}

}  // namespace tidemill::infer
