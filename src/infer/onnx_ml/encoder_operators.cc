// ONNX-ML's operators that prepare features: scalers, encoders, imputers.
#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>
#include <unordered_map>

#include "infer/onnx_ml/operators.h"

namespace tidemill::infer::onnx_ml {
namespace {

std::unexpected<Error> wrong(std::string what) { return fail(codes::kInvalid, std::move(what)); }

Result<std::size_t> columns_of(const Tensor& in) {
  if (in.shape.empty() || in.shape.back() == 0) return wrong("the input has no columns");
  return static_cast<std::size_t>(in.shape.back());
}

Result<void> as_floats(const Tensor& in, Tensor& out) {
  TRY(allocate(out, Type::real32, in.shape));
  out.floats = numbers_as<float>(in);
  return {};
}

Result<Operator> make_scaler(const Node& node, std::int64_t) {
  const std::vector<float> offset = node.reals("offset"), scale = node.reals("scale");
  if (offset.empty() || scale.size() != offset.size()) return wrong("offset and scale do not fit");
  return Operator([offset, scale](Inputs inputs, Outputs outputs) -> Result<void> {
    TRY(need_inputs(inputs, 1));
    const std::size_t columns = TRY(columns_of(*inputs[0]));
    if (offset.size() != 1 && offset.size() != columns)
      return wrong(std::to_string(columns) + " columns, but " + std::to_string(offset.size()) +
                   " offsets");
    TRY(as_floats(*inputs[0], *outputs[0]));
    std::vector<float>& out = outputs[0]->floats;
    for (std::size_t i = 0; i < out.size(); ++i) {
      const std::size_t at = offset.size() == 1 ? 0 : i % columns;
      out[i] = (out[i] - offset[at]) * scale[at];
    }
    return {};
  });
}

enum class Norm { max, l1, l2 };

// As in ONNX Runtime: a row of zeros stays; MAX is the largest value, not the largest magnitude.
void normalize(Norm norm, float* row, std::size_t columns) {
  float sum = norm == Norm::max ? std::numeric_limits<float>::lowest() : 0;
  for (std::size_t i = 0; i < columns; ++i) {
    if (norm == Norm::max) sum = std::max(sum, row[i]);
    if (norm == Norm::l1) sum += std::abs(row[i]);
    if (norm == Norm::l2) sum += row[i] * row[i];
  }
  if (sum == 0) return;
  for (std::size_t i = 0; i < columns; ++i)
    row[i] =
        norm == Norm::l2 ? std::copysign(std::sqrt(row[i] * row[i] / sum), row[i]) : row[i] / sum;
}

Result<Operator> make_normalizer(const Node& node, std::int64_t) {
  const std::string name = node.text("norm", "MAX");
  if (name != "MAX" && name != "L1" && name != "L2")
    return wrong("norm " + name.substr(0, 32) + " is not known");
  const Norm norm = name == "MAX" ? Norm::max : name == "L1" ? Norm::l1 : Norm::l2;
  return Operator([norm](Inputs inputs, Outputs outputs) -> Result<void> {
    TRY(need_inputs(inputs, 1));
    const std::size_t columns = TRY(columns_of(*inputs[0]));
    TRY(as_floats(*inputs[0], *outputs[0]));
    std::vector<float>& out = outputs[0]->floats;
    for (std::size_t at = 0; at < out.size(); at += columns)
      normalize(norm, out.data() + at, columns);
    return {};
  });
}

template <class T>
void impute(const std::vector<T>& values, T replaced, std::size_t columns, std::vector<T>& data) {
  for (std::size_t i = 0; i < data.size(); ++i)
    if (data[i] == replaced || (data[i] != data[i] && replaced != replaced))
      data[i] = values[values.size() == 1 ? 0 : i % columns];
}

Result<Operator> make_imputer(const Node& node, std::int64_t) {
  const std::vector<float> reals = node.reals("imputed_value_floats");
  const std::vector<std::int64_t> wholes = node.wholes("imputed_value_int64s");
  const float replaced = node.real("replaced_value_float", 0);
  const std::int64_t replaced_whole = node.whole("replaced_value_int64", 0);
  if (reals.empty() && wholes.empty()) return wrong("it has no values to put in");
  return Operator([=](Inputs inputs, Outputs outputs) -> Result<void> {
    TRY(need_inputs(inputs, 1));
    const Tensor& in = *inputs[0];
    const std::size_t columns = TRY(columns_of(in));
    if (in.type == Type::truth) return wrong("truth values are never missing");
    const std::size_t count = in.type == Type::whole ? wholes.size() : reals.size();
    if (count != 1 && count != columns) return wrong("as many values as columns, or one");
    *outputs[0] = in;
    if (in.type == Type::real32) {
      impute(reals, replaced, columns, outputs[0]->floats);
    } else if (in.type == Type::real64) {
      impute(std::vector<double>(reals.begin(), reals.end()), static_cast<double>(replaced),
             columns, outputs[0]->doubles);
    } else {
      impute(wholes, replaced_whole, columns, outputs[0]->wholes);
    }
    return {};
  });
}

Result<Operator> make_binarizer(const Node& node, std::int64_t) {
  return Operator(
      [threshold = node.real("threshold", 0)](Inputs inputs, Outputs outputs) -> Result<void> {
        TRY(need_inputs(inputs, 1));
        TRY(as_floats(*inputs[0], *outputs[0]));
        for (float& x : outputs[0]->floats) x = x > threshold ? 1.0f : 0.0f;
        return {};
      });
}

Result<Operator> make_one_hot_encoder(const Node& node, std::int64_t) {
  const std::vector<std::int64_t>& categories = node.wholes("cats_int64s");
  if (categories.empty()) return wrong("categories that are texts are not read from numbers");
  std::unordered_map<std::int64_t, std::size_t> places;
  for (std::size_t i = 0; i < categories.size(); ++i) places[categories[i]] = i;
  const bool zeros = node.whole("zeros", 1) != 0;
  return Operator([places, zeros, count = categories.size()](Inputs inputs,
                                                             Outputs outputs) -> Result<void> {
    TRY(need_inputs(inputs, 1));
    Shape shape = inputs[0]->shape;
    shape.push_back(static_cast<std::int64_t>(count));
    TRY(allocate(*outputs[0], Type::real32, shape));
    // NaN is not a category, whatever integer it would become.
    const std::vector<double> reals = numbers_as<double>(*inputs[0]);
    const std::vector<std::int64_t> numbers = numbers_as<std::int64_t>(*inputs[0]);
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      auto place = places.find(numbers[i]);
      if (place != places.end() && !std::isnan(reals[i]))
        outputs[0]->floats[i * count + place->second] = 1;
      else if (!zeros && !rows_are_made_up())
        return fail("BadRequest", "the model knows no category " + std::to_string(numbers[i]), 400);
    }
    return {};
  });
}

// Keys and values have one kind each; texts do not occur among a row's numbers.
struct Codes {
  Type from = Type::whole, to = Type::whole;
  std::vector<double> keys, values;
  double otherwise = 0;
};

Result<bool> read_codes(const Node& node, const std::string& which, Type& type,
                        std::vector<double>& numbers) {
  if (node.find(which + "_strings")) return wrong("it encodes texts, which rows do not have");
  if (const Attribute* reals = node.find(which + "_floats")) {
    type = Type::real32;
    numbers.assign(reals->reals.begin(), reals->reals.end());
  } else if (const Attribute* wholes = node.find(which + "_int64s")) {
    type = Type::whole;
    for (std::int64_t number : wholes->wholes) numbers.push_back(static_cast<double>(number));
  } else if (const Attribute* tensor = node.find(which + "_tensor"); tensor && tensor->tensor) {
    type = tensor->tensor->type;
    if (type == Type::text) return wrong("it encodes texts, which rows do not have");
    numbers = numbers_as<double>(*tensor->tensor);
  } else {
    return false;
  }
  return true;
}

double default_code(const Node& node, Type to) {
  if (const Attribute* tensor = node.find("default_tensor"); tensor && tensor->tensor)
    if (const std::vector<double> numbers = numbers_as<double>(*tensor->tensor); !numbers.empty())
      return numbers[0];
  return to == Type::whole ? static_cast<double>(node.whole("default_int64", -1))
                           : node.real("default_float", -0.0f);
}

Result<Operator> make_label_encoder(const Node& node, std::int64_t) {
  Codes codes;
  if (node.find("classes_strings")) return wrong("it encodes texts, which rows do not have");
  if (!TRY(read_codes(node, "keys", codes.from, codes.keys)) ||
      !TRY(read_codes(node, "values", codes.to, codes.values)) ||
      codes.keys.size() != codes.values.size())
    return wrong("keys and values do not fit");
  codes.otherwise = default_code(node, codes.to);
  std::unordered_map<double, double> values;
  double of_nan = codes.otherwise;
  for (std::size_t i = codes.keys.size(); i-- > 0;) {  // the first of equal keys counts
    if (std::isnan(codes.keys[i]))
      of_nan = codes.values[i];
    else
      values[codes.keys[i]] = codes.values[i];
  }
  return Operator([values, of_nan, to = codes.to, otherwise = codes.otherwise](
                      Inputs inputs, Outputs outputs) -> Result<void> {
    TRY(need_inputs(inputs, 1));
    TRY(allocate(*outputs[0], to, inputs[0]->shape));
    const std::vector<double> keys = numbers_as<double>(*inputs[0]);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      auto found = values.find(keys[i]);
      const double value = std::isnan(keys[i])     ? of_nan
                           : found == values.end() ? otherwise
                                                   : found->second;
      if (to == Type::real32)
        outputs[0]->floats[i] = static_cast<float>(value);
      else if (to == Type::real64)
        outputs[0]->doubles[i] = value;
      else
        outputs[0]->wholes[i] =
            value > -9e18 && value < 9e18 ? static_cast<std::int64_t>(value) : 0;
    }
    return {};
  });
}

// The columns of several inputs side by side, as floats.
Result<Operator> make_feature_vectorizer(const Node& node, std::int64_t) {
  return Operator(
      [widths = node.wholes("inputdimensions")](Inputs inputs, Outputs outputs) -> Result<void> {
        TRY(need_inputs(inputs, std::max<std::size_t>(inputs.size(), 1)));
        std::vector<std::vector<float>> parts;
        std::vector<std::size_t> columns;
        std::size_t width = 0, rows = 0;
        for (std::size_t i = 0; i < inputs.size(); ++i) {
          columns.push_back(TRY(columns_of(*inputs[i])));
          if (i < widths.size() && widths[i] != static_cast<std::int64_t>(columns[i]))
            return wrong("an input is not as wide as inputdimensions says");
          parts.push_back(numbers_as<float>(*inputs[i]));
          const std::size_t part_rows = parts[i].size() / columns[i];
          if (i && part_rows != rows) return wrong("inputs with different numbers of rows");
          rows = part_rows;
          width += columns[i];
        }
        TRY(allocate(*outputs[0], Type::real32,
                     {static_cast<std::int64_t>(rows), static_cast<std::int64_t>(width)}));
        auto to = outputs[0]->floats.begin();
        for (std::size_t row = 0; row < rows; ++row)
          for (std::size_t i = 0; i < parts.size(); ++i)
            to = std::copy_n(parts[i].begin() + static_cast<std::ptrdiff_t>(row * columns[i]),
                             columns[i], to);
        return {};
      });
}

}  // namespace

void add_encoder_operators(OperatorTable& table) {
  table.insert({{"Scaler", make_scaler},
                {"Normalizer", make_normalizer},
                {"Imputer", make_imputer},
                {"Binarizer", make_binarizer},
                {"OneHotEncoder", make_one_hot_encoder},
                {"LabelEncoder", make_label_encoder},
                {"FeatureVectorizer", make_feature_vectorizer}});
}

}  // namespace tidemill::infer::onnx_ml
