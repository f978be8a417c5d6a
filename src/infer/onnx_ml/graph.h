// The contents of an ONNX model file (onnx.proto): nodes, constants, inputs and outputs.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "infer/onnx_ml/tensor.h"

namespace tidemill::infer::onnx_ml {

struct Attribute {
  std::optional<float> real;
  std::optional<std::int64_t> whole;
  std::string text;
  std::vector<float> reals;
  std::vector<std::int64_t> wholes;
  std::vector<std::string> texts;
  std::optional<Tensor> tensor;
  bool has_graph = false;
};

struct Node {
  std::string operation, domain;
  std::vector<std::string> inputs, outputs;  // "" for one that is left out
  std::map<std::string, Attribute> attributes;

  // nullptr when the node has no such attribute.
  const Attribute* find(const std::string& name) const;
  std::int64_t whole(const std::string& name, std::int64_t otherwise) const;
  float real(const std::string& name, float otherwise) const;
  std::string text(const std::string& name, const std::string& otherwise) const;
  const std::vector<float>& reals(const std::string& name) const;
  const std::vector<std::int64_t>& wholes(const std::string& name) const;
  const std::vector<std::string>& texts(const std::string& name) const;
};

struct ValueInfo {
  std::string name;
  bool is_tensor = true;  // else a sequence or a map: what ZipMap makes
  Type type = Type::real32;
  bool has_type = false;
  std::vector<std::optional<std::int64_t>> dimensions;  // none: not fixed
};

struct Graph {
  std::vector<Node> nodes;  // each after those whose outputs it uses
  std::map<std::string, Tensor> constants;
  std::vector<ValueInfo> inputs, outputs;  // inputs without constants
  std::int64_t opset = 0;                  // of the default domain
};

// Tidemill.Invalid when the bytes are not an ONNX model, or exceed the limits.
Result<Graph> read_graph(std::string_view bytes);

}  // namespace tidemill::infer::onnx_ml
