#include "infer/onnx_ml/pipeline.h"

#include <algorithm>
#include <set>

#include "infer/trees/ensemble.h"

namespace tidemill::infer::onnx_ml {
namespace {

std::unexpected<Error> wrong(std::string what) { return fail(codes::kInvalid, std::move(what)); }

// Limit of all values of a block of rows together.
constexpr std::size_t kElementsPerRunMax = 1u << 26;

// The node of trees that computes the output directly from the only input, without other nodes that
// change numbers; nullptr when there are any.
const Node* only_node_of_trees(const Graph& graph, const std::string& output) {
  std::string name = output;
  for (std::size_t i = graph.nodes.size(); i-- > 0;) {
    const Node& node = graph.nodes[i];
    const auto made = std::find(node.outputs.begin(), node.outputs.end(), name);
    if (made == node.outputs.end()) continue;
    if ((node.operation == "ZipMap" || node.operation == "Identity") && node.inputs.size() == 1) {
      name = node.inputs[0];
      continue;
    }
    // The second of a classifier's two outputs is the scores.
    const std::ptrdiff_t scores = node.operation == "TreeEnsembleClassifier" ? 1 : 0;
    const bool whole = node.operation.starts_with("TreeEnsemble") && node.inputs.size() == 1 &&
                       graph.inputs.size() == 1 && graph.inputs[0].type == Type::real32 &&
                       graph.inputs[0].dimensions.size() == 2 &&
                       node.inputs[0] == graph.inputs[0].name &&
                       made - node.outputs.begin() == scores;
    return whole ? &node : nullptr;
  }
  return nullptr;
}

// Which nodes the output needs, from the last to the first.
std::vector<bool> needed_nodes(const Graph& graph, const std::string& output) {
  std::set<std::string> wanted{output};
  std::vector<bool> needed(graph.nodes.size());
  for (std::size_t i = graph.nodes.size(); i-- > 0;) {
    const Node& node = graph.nodes[i];
    needed[i] = std::any_of(node.outputs.begin(), node.outputs.end(), [&](const std::string& name) {
      return !name.empty() && wanted.contains(name);
    });
    if (needed[i]) wanted.insert(node.inputs.begin(), node.inputs.end());
  }
  return needed;
}

}  // namespace

// Selects the output of real numbers (scores or probabilities, also as ZipMap's sequence of maps),
// or else of whole numbers. Labels next to scores mean that the model is a classifier.
Result<void> Pipeline::choose_output(const Graph& graph) {
  const ValueInfo *scores = nullptr, *whole = nullptr;
  bool texts = false;
  for (const ValueInfo& output : graph.outputs) {
    const bool real = !output.is_tensor || !output.has_type || output.type == Type::real32 ||
                      output.type == Type::real64;
    if (real && !scores) scores = &output;
    if (!real && output.type == Type::text) texts = true;
    if (!real && output.type != Type::text && !whole) whole = &output;
  }
  if (!scores && !whole)
    return wrong(texts ? "the only output is texts" : "no output of the graph is numbers");
  output_ = scores ? scores->name : whole->name;
  has_labels_ = scores && (whole || texts);
  return {};
}

std::optional<std::size_t> Pipeline::place_of(const std::string& name) {
  if (name.empty()) return std::nullopt;
  return places_.try_emplace(name, places_.size()).first->second;
}

Result<void> Pipeline::read_inputs(const Graph& graph) {
  if (graph.inputs.empty()) return wrong("the graph has no inputs");
  for (const ValueInfo& info : graph.inputs) {
    const std::string name = "the input '" + info.name.substr(0, 64) + "'";
    if (!info.is_tensor || !info.has_type) return wrong(name + " is not a tensor of numbers");
    if (info.type == Type::text)
      return wrong(name + " is texts; rows are numbers, so encode texts before the model");
    if (info.dimensions.empty() || info.dimensions.size() > 2)
      return wrong(name + " has " + std::to_string(info.dimensions.size()) +
                   " dimensions, not rows and columns");
    Input input{*place_of(info.name), feature_count_, 1, info.type, info.dimensions.size() == 1};
    if (info.dimensions.size() == 2) {
      if (!info.dimensions[1]) return wrong(name + " does not say how many columns it has");
      if (*info.dimensions[1] > static_cast<std::int64_t>(trees::kFeaturesMax))
        return wrong(name + " has too many columns");
      input.columns = static_cast<std::size_t>(*info.dimensions[1]);
    }
    feature_count_ += input.columns;
    if (feature_count_ > trees::kFeaturesMax) return wrong("the inputs have too many columns");
    inputs_.push_back(input);
  }
  return {};
}

Result<void> Pipeline::make_steps(const Graph& graph) {
  const std::vector<bool> needed = needed_nodes(graph, output_);
  std::set<std::string> taken{output_};
  for (std::size_t i = 0; i < graph.nodes.size(); ++i)
    if (needed[i]) taken.insert(graph.nodes[i].inputs.begin(), graph.nodes[i].inputs.end());
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    if (!needed[i]) continue;
    const Node& node = graph.nodes[i];
    const std::string name = node.operation.substr(0, 64);
    const auto known = operator_table().find(node.operation);
    const bool own_domain =
        node.domain.empty() || node.domain == "ai.onnx" || node.domain == "ai.onnx.ml";
    if (known == operator_table().end() || !own_domain)
      return wrong("the operator " + name + " is not computed here");
    Result<Operator> made = known->second(node, graph.opset);
    if (!made) return wrong(name + ": " + made.error().message);
    Step step{name, std::move(*made), {}, {}};
    for (const std::string& input : node.inputs) step.inputs.push_back(place_of(input));
    for (const std::string& output : node.outputs)
      step.outputs.push_back(taken.contains(output) ? place_of(output) : std::nullopt);
    if (step.outputs.empty()) return wrong(name + " has no output");
    steps_.push_back(std::move(step));
  }
  for (const auto& [name, constant] : graph.constants)
    if (taken.contains(name)) {
      if (constant.type == Type::text) return wrong("texts are not computed");
      constants_[*place_of(name)] = constant;
    }
  return {};
}

Result<Pipeline> Pipeline::make(const Graph& graph) {
  Pipeline pipeline;
  TRY(pipeline.choose_output(graph));
  TRY(pipeline.read_inputs(graph));
  const Node* trees = only_node_of_trees(graph, pipeline.output_);
  if (!trees) {
    TRY(pipeline.make_steps(graph));
    return pipeline;
  }
  Result<std::shared_ptr<const TreeScores>> scores = TreeScores::make(*trees);
  if (!scores) return wrong(trees->operation.substr(0, 64) + ": " + scores.error().message);
  pipeline.only_trees_ = std::move(*scores);
  if (pipeline.only_trees_->features() > pipeline.feature_count_)
    return wrong("the trees look at more features than the input has");
  return pipeline;
}

std::size_t Pipeline::memory_bytes() const {
  std::size_t bytes = only_trees_ ? only_trees_->memory_bytes() : 0;
  for (const auto& [place, constant] : constants_)
    bytes += visit(constant, [](const auto& data) { return data.size() * sizeof(data[0]); });
  return bytes;
}

Result<void> Pipeline::fill_input(const Input& input, const float* rows, std::size_t count,
                                  Tensor& out) const {
  Shape shape{static_cast<std::int64_t>(count)};
  if (!input.is_vector) shape.push_back(static_cast<std::int64_t>(input.columns));
  TRY(allocate(out, Type::real32, shape));
  for (std::size_t row = 0; row < count; ++row)
    std::copy_n(rows + row * feature_count_ + input.first_column, input.columns,
                out.floats.begin() + static_cast<std::ptrdiff_t>(row * input.columns));
  if (input.type == Type::real32) return {};
  Tensor converted;
  converted.type = input.type;
  converted.shape = out.shape;
  if (input.type == Type::real64)
    converted.doubles = numbers_as<double>(out);
  else
    converted.wholes = numbers_as<std::int64_t>(out);
  out = std::move(converted);
  return {};
}

Result<Tensor> Pipeline::run(const float* rows, std::size_t count) const {
  std::vector<Tensor> values(places_.size());
  std::vector<const Tensor*> at(places_.size());
  for (std::size_t i = 0; i < values.size(); ++i) at[i] = &values[i];
  for (const auto& [place, constant] : constants_) at[place] = &constant;
  for (const Input& input : inputs_) TRY(fill_input(input, rows, count, values[input.place]));
  multiplications_done() = 0;
  std::size_t elements = 0;
  std::vector<const Tensor*> inputs;
  std::vector<Tensor*> outputs;
  for (const Step& step : steps_) {
    inputs.clear();
    outputs.clear();
    for (const auto& place : step.inputs) inputs.push_back(place ? at[*place] : nullptr);
    for (const auto& place : step.outputs) outputs.push_back(place ? &values[*place] : nullptr);
    // Operators of one output rely on it.
    Tensor unused;
    if (!outputs[0] && outputs.size() == 1) outputs[0] = &unused;
    if (Result<void> done = step.run(inputs, outputs); !done)
      return fail(done.error().code, step.name + ": " + done.error().message,
                  done.error().http_status);
    for (const Tensor* output : outputs)
      if (output) elements += visit(*output, [](const auto& data) { return data.size(); });
    if (elements > kElementsPerRunMax) return wrong("values larger than are computed here");
  }
  const Tensor& answer = *at[places_.at(output_)];
  Tensor out;
  out.shape = answer.shape;
  out.floats = answer.type == Type::real32 ? answer.floats : numbers_as<float>(answer);
  return out;
}

}  // namespace tidemill::infer::onnx_ml
