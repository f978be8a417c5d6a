#include "infer/onnx_ml/graph.h"

#include <set>

#include "infer/onnx_ml/wire.h"

namespace tidemill::infer::onnx_ml {
namespace {

constexpr std::size_t kNodesMax = 10'000;
constexpr std::size_t kInputsMax = 10'000;

std::unexpected<Error> wrong(std::string what) { return fail(codes::kInvalid, std::move(what)); }

// onnx.proto's TensorProto.DataType.
enum DataType : std::int64_t {
  kFloat = 1,
  kUint8,
  kInt8,
  kUint16,
  kInt16,
  kInt32,
  kInt64,
  kString,
  kBool,
  kFloat16,
  kDouble,
  kUint32,
  kUint64,
};

std::optional<Type> type_of(std::int64_t data_type) {
  switch (data_type) {
    case kFloat:
      return Type::real32;
    case kDouble:
      return Type::real64;
    case kBool:
      return Type::truth;
    case kString:
      return Type::text;
    case kUint8:
    case kInt8:
    case kUint16:
    case kInt16:
    case kInt32:
    case kInt64:
    case kUint32:
    case kUint64:
      return Type::whole;
    default:
      return std::nullopt;
  }
}

template <class From, class To>
void copy_raw(std::string_view raw, std::vector<To>& out) {
  out.reserve(raw.size() / sizeof(From));
  for (std::size_t at = 0; at + sizeof(From) <= raw.size(); at += sizeof(From)) {
    From number;
    std::memcpy(&number, raw.data() + at, sizeof number);
    out.push_back(static_cast<To>(number));
  }
}

Result<void> read_raw(std::string_view raw, std::int64_t data_type, Tensor& tensor) {
  switch (data_type) {
    case kFloat:
      copy_raw<float>(raw, tensor.floats);
      return {};
    case kDouble:
      copy_raw<double>(raw, tensor.doubles);
      return {};
    case kInt64:
    case kUint64:
      copy_raw<std::int64_t>(raw, tensor.wholes);
      return {};
    case kInt32:
      copy_raw<std::int32_t>(raw, tensor.wholes);
      return {};
    case kUint32:
      copy_raw<std::uint32_t>(raw, tensor.wholes);
      return {};
    case kInt16:
      copy_raw<std::int16_t>(raw, tensor.wholes);
      return {};
    case kUint16:
      copy_raw<std::uint16_t>(raw, tensor.wholes);
      return {};
    case kInt8:
      copy_raw<std::int8_t>(raw, tensor.wholes);
      return {};
    case kUint8:
    case kBool:
      copy_raw<std::uint8_t>(raw, tensor.wholes);
      return {};
    default:
      return wrong("a constant of an unknown type");
  }
}

struct NamedTensor {
  std::string name;
  Tensor tensor;
};

Result<NamedTensor> read_tensor(std::string_view bytes) {
  NamedTensor out;
  std::int64_t data_type = 0;
  std::string_view raw;
  for (MessageReader reader(bytes); !reader.at_end();) {
    const Field field = TRY(reader.next());
    Tensor& tensor = out.tensor;
    if (field.number == 1) TRY(append_wholes(field, tensor.shape));
    if (field.number == 2) data_type = field.whole();
    if (field.number == 4) TRY(append_floats(field, tensor.floats));
    if (field.number == 5 || field.number == 7 || field.number == 11)
      TRY(append_wholes(field, tensor.wholes));
    if (field.number == 8) out.name = field.bytes;
    if (field.number == 9) raw = field.bytes;
    if (field.number == 10) TRY(append_doubles(field, tensor.doubles));
    if (field.number == 13) return wrong("constants in files beside the model are not read");
  }
  const std::optional<Type> type = type_of(data_type);
  if (!type) return wrong("a constant of type " + std::to_string(data_type) + " is not read");
  out.tensor.type = *type;
  if (*type == Type::text) return out;  // only labels are texts, which are not supported
  if (!raw.empty()) TRY(read_raw(raw, data_type, out.tensor));
  // Negative numbers of 32 bits and less come with their sign extended: as they are.
  const std::size_t count = TRY(element_count(out.tensor.shape));
  const std::size_t found = visit(out.tensor, [](const auto& data) { return data.size(); });
  if (found != count)
    return wrong("the constant '" + out.name.substr(0, 64) + "' has " + std::to_string(found) +
                 " numbers, but the shape " + shape_text(out.tensor.shape));
  return out;
}

Result<std::pair<std::string, Attribute>> read_attribute(std::string_view bytes) {
  std::string name;
  Attribute out;
  for (MessageReader reader(bytes); !reader.at_end();) {
    const Field field = TRY(reader.next());
    if (field.number == 1) name = field.bytes;
    if (field.number == 2) out.real = field.real();
    if (field.number == 3) out.whole = field.whole();
    if (field.number == 4) out.text = field.bytes;
    if (field.number == 5) out.tensor = TRY(read_tensor(field.bytes)).tensor;
    if (field.number == 6 || field.number == 11) out.has_graph = true;
    if (field.number == 7) TRY(append_floats(field, out.reals));
    if (field.number == 8) TRY(append_wholes(field, out.wholes));
    if (field.number == 9) out.texts.emplace_back(field.bytes);
  }
  return std::pair(std::move(name), std::move(out));
}

Result<Node> read_node(std::string_view bytes) {
  Node node;
  for (MessageReader reader(bytes); !reader.at_end();) {
    const Field field = TRY(reader.next());
    if (field.number == 1) node.inputs.emplace_back(field.bytes);
    if (field.number == 2) node.outputs.emplace_back(field.bytes);
    if (field.number == 4) node.operation = field.bytes;
    if (field.number == 5) node.attributes.insert(TRY(read_attribute(field.bytes)));
    if (field.number == 7) node.domain = field.bytes;
  }
  return node;
}

Result<std::optional<std::int64_t>> read_dimension(std::string_view bytes) {
  std::optional<std::int64_t> out;
  for (MessageReader reader(bytes); !reader.at_end();) {
    const Field field = TRY(reader.next());
    if (field.number == 1 && field.whole() > 0) out = field.whole();
  }
  return out;
}

Result<void> read_type(std::string_view bytes, ValueInfo& info) {
  for (MessageReader reader(bytes); !reader.at_end();) {
    const Field field = TRY(reader.next());
    info.is_tensor = field.number == 1;
    if (!info.is_tensor) continue;
    for (MessageReader tensor(field.bytes); !tensor.at_end();) {
      const Field part = TRY(tensor.next());
      if (part.number == 1) {
        const std::optional<Type> type = type_of(part.whole());
        info.has_type = type.has_value();
        info.type = type.value_or(Type::real32);
      }
      if (part.number != 2) continue;
      for (MessageReader shape(part.bytes); !shape.at_end();) {
        const Field dimension = TRY(shape.next());
        if (dimension.number == 1) info.dimensions.push_back(TRY(read_dimension(dimension.bytes)));
        if (info.dimensions.size() > kRankMax) return wrong("an input has too many dimensions");
      }
    }
  }
  return {};
}

Result<ValueInfo> read_value_info(std::string_view bytes) {
  ValueInfo out;
  for (MessageReader reader(bytes); !reader.at_end();) {
    const Field field = TRY(reader.next());
    if (field.number == 1) out.name = field.bytes;
    if (field.number == 2) TRY(read_type(field.bytes, out));
  }
  return out;
}

Result<void> read_graph_message(std::string_view bytes, Graph& graph) {
  for (MessageReader reader(bytes); !reader.at_end();) {
    const Field field = TRY(reader.next());
    if (field.number == 1) graph.nodes.push_back(TRY(read_node(field.bytes)));
    if (field.number == 5) {
      NamedTensor constant = TRY(read_tensor(field.bytes));
      graph.constants[constant.name] = std::move(constant.tensor);
    }
    if (field.number == 11) graph.inputs.push_back(TRY(read_value_info(field.bytes)));
    if (field.number == 12) graph.outputs.push_back(TRY(read_value_info(field.bytes)));
    if (field.number == 15) return wrong("sparse constants are not read");
    if (graph.nodes.size() > kNodesMax || graph.inputs.size() > kInputsMax ||
        graph.outputs.size() > kInputsMax)
      return wrong("the graph is larger than is read");
  }
  // Old models list their constants among the inputs.
  std::erase_if(graph.inputs,
                [&](const ValueInfo& input) { return graph.constants.contains(input.name); });
  return {};
}

// A node's inputs must be computed before it runs.
Result<void> check_order(const Graph& graph) {
  std::set<std::string> known;
  for (const ValueInfo& input : graph.inputs) known.insert(input.name);
  for (const auto& [name, constant] : graph.constants) known.insert(name);
  for (const Node& node : graph.nodes) {
    for (const std::string& input : node.inputs)
      if (!input.empty() && !known.contains(input))
        return wrong(node.operation.substr(0, 64) + " takes '" + input.substr(0, 64) +
                     "', which nothing before it makes");
    for (const std::string& output : node.outputs)
      if (!output.empty() && !known.insert(output).second)
        return wrong("'" + output.substr(0, 64) + "' is made twice");
  }
  for (const ValueInfo& output : graph.outputs)
    if (!known.contains(output.name))
      return wrong("nothing makes the output '" + output.name.substr(0, 64) + "'");
  return {};
}

template <class T>
const T& none() {
  static const T kNone;
  return kNone;
}

}  // namespace

const Attribute* Node::find(const std::string& name) const {
  auto found = attributes.find(name);
  return found == attributes.end() ? nullptr : &found->second;
}
std::int64_t Node::whole(const std::string& name, std::int64_t otherwise) const {
  const Attribute* found = find(name);
  return found ? found->whole.value_or(otherwise) : otherwise;
}
float Node::real(const std::string& name, float otherwise) const {
  const Attribute* found = find(name);
  return found ? found->real.value_or(otherwise) : otherwise;
}
std::string Node::text(const std::string& name, const std::string& otherwise) const {
  const Attribute* found = find(name);
  return found ? found->text : otherwise;
}
const std::vector<float>& Node::reals(const std::string& name) const {
  const Attribute* found = find(name);
  return found ? found->reals : none<std::vector<float>>();
}
const std::vector<std::int64_t>& Node::wholes(const std::string& name) const {
  const Attribute* found = find(name);
  return found ? found->wholes : none<std::vector<std::int64_t>>();
}
const std::vector<std::string>& Node::texts(const std::string& name) const {
  const Attribute* found = find(name);
  return found ? found->texts : none<std::vector<std::string>>();
}

Result<Graph> read_graph(std::string_view bytes) {
  Graph graph;
  bool has_graph = false;
  for (MessageReader reader(bytes); !reader.at_end();) {
    const Field field = TRY(reader.next());
    if (field.number == 7 && field.type == WireType::bytes && !has_graph) {
      has_graph = true;
      TRY(read_graph_message(field.bytes, graph));
    }
    if (field.number == 8) {
      std::string_view domain;
      std::int64_t version = 0;
      for (MessageReader opset(field.bytes); !opset.at_end();) {
        const Field part = TRY(opset.next());
        if (part.number == 1) domain = part.bytes;
        if (part.number == 2) version = part.whole();
      }
      if (domain.empty() || domain == "ai.onnx") graph.opset = std::max(graph.opset, version);
    }
    if (field.number == 25) return wrong("models with functions of their own are not read");
  }
  if (!has_graph || graph.outputs.empty()) return wrong("not an ONNX model: it has no graph");
  TRY(check_order(graph));
  return graph;
}

}  // namespace tidemill::infer::onnx_ml
