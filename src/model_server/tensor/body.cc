#include "model_server/tensor/body.h"

#include <cstring>

#include "base/json.h"
#include "infer/codec/media_type.h"
#include "model_server/tensor/element_text.h"

namespace tidemill::model_server {
namespace {

void append_one(const Tensor& tensor, std::size_t at, std::string& out) {
  with_element(tensor.type, [&](auto value) {
    std::memcpy(&value, tensor.data.data() + at * sizeof value, sizeof value);
    append_element(value, out);
  });
}

// The part of the tensor from dimension `depth` on, whose first element is `at`; moves `at` behind.
void append_nested(const Tensor& tensor, std::size_t depth, std::size_t& at, std::string& out) {
  if (depth == tensor.shape.size()) return append_one(tensor, at++, out);
  out += '[';
  for (std::int64_t i = 0; i < tensor.shape[depth]; ++i) {
    if (i) out += ", ";
    append_nested(tensor, depth + 1, at, out);
  }
  out += ']';
}

// The common first dimension; -1 when there is none.
std::int64_t row_count(const Tensors& tensors) {
  for (const Tensor& tensor : tensors)
    if (tensor.shape.empty() || tensor.shape[0] != tensors[0].shape[0]) return -1;
  return tensors[0].shape[0];
}

void append_columns(const std::vector<TensorSpec>& outputs, const Tensors& tensors,
                    std::string& out) {
  if (tensors.size() > 1) out += '{';
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (i) out += ", ";
    if (tensors.size() > 1) {
      write_json_string(outputs[i].name, out);
      out += ": ";
    }
    std::size_t at = 0;
    append_nested(tensors[i], 0, at, out);
  }
  if (tensors.size() > 1) out += '}';
}

void append_rows(const std::vector<TensorSpec>& outputs, const Tensors& tensors, std::int64_t rows,
                 std::string& out) {
  std::vector<std::size_t> at(tensors.size());
  out += '[';
  for (std::int64_t row = 0; row < rows; ++row) {
    out += row ? ", {" : "{";
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      if (i) out += ", ";
      write_json_string(outputs[i].name, out);
      out += ": ";
      append_nested(tensors[i], 1, at[i], out);
    }
    out += '}';
  }
  out += ']';
}

std::string encode_json(const std::vector<TensorSpec>& outputs, const Tensors& tensors,
                        bool row_form) {
  std::string out = row_form ? "{\"predictions\": " : "{\"outputs\": ";
  const std::int64_t rows = row_count(tensors);
  if (row_form && tensors.size() > 1 && rows >= 0)
    append_rows(outputs, tensors, rows, out);
  else
    append_columns(outputs, tensors, out);
  return out + "}";
}

Result<std::string> encode_csv(const Tensors& tensors) {
  const std::int64_t rows = row_count(tensors);
  if (rows < 0)
    return fail("NotAcceptable",
                "the outputs have no first dimension in common, so that CSV has no rows for them; "
                "accept application/json",
                406);
  std::string out;
  for (std::int64_t row = 0; row < rows; ++row) {
    bool first = true;
    for (const Tensor& tensor : tensors) {
      const std::size_t width = tensor.count() / static_cast<std::size_t>(rows);
      for (std::size_t i = 0; i < width; ++i, first = false) {
        if (!first) out += ',';
        append_one(tensor, static_cast<std::size_t>(row) * width + i, out);
      }
    }
    out += '\n';
  }
  return out;
}

std::string_view npy_type(ElementType type) {
  switch (type) {
    case ElementType::float32:
      return "<f4";
    case ElementType::float64:
      return "<f8";
    case ElementType::int8:
      return "|i1";
    case ElementType::int16:
      return "<i2";
    case ElementType::int32:
      return "<i4";
    case ElementType::int64:
      return "<i8";
    case ElementType::uint8:
      return "|u1";
    case ElementType::uint16:
      return "<u2";
    case ElementType::uint32:
      return "<u4";
    case ElementType::uint64:
      return "<u8";
    case ElementType::boolean:
      break;
  }
  return "|b1";
}

Result<std::string> encode_npy(const std::vector<TensorSpec>& outputs, const Tensors& tensors) {
  if (tensors.size() != 1)
    return fail("NotAcceptable",
                "the model has " + std::to_string(outputs.size()) +
                    " outputs, and .npy holds one array; accept application/json or text/csv",
                406);
  const Tensor& tensor = tensors[0];
  std::string header =
      "{'descr': '" + std::string(npy_type(tensor.type)) + "', 'fortran_order': False, 'shape': (";
  for (std::int64_t dimension : tensor.shape) header += std::to_string(dimension) + ", ";
  header += "), }";
  constexpr std::size_t kStart = 10, kAlignment = 64;  // of the data
  header.append(kAlignment - (kStart + header.size() + 1) % kAlignment, ' ');
  header += '\n';
  std::string out("\x93NUMPY\x01\x00", 8);
  out += static_cast<char>(header.size() & 0xff);
  out += static_cast<char>(header.size() >> 8);
  return out + header + tensor.data;
}

}  // namespace

BodyFormat body_format(std::string_view media_type) {
  if (media_type == "application/json") return BodyFormat::json;
  if (media_type == "text/csv") return BodyFormat::csv;
  if (media_type == "application/x-npy") return BodyFormat::npy;
  return BodyFormat::unknown;
}

std::string_view media_type_of(BodyFormat format) {
  return format == BodyFormat::csv   ? "text/csv"
         : format == BodyFormat::npy ? "application/x-npy"
                                     : "application/json";
}

Result<ModelInput> decode_body(std::string_view content_type, std::string_view body,
                               const std::vector<TensorSpec>& inputs) {
  const infer::MediaType type(content_type);
  const BodyFormat format = type.name().empty() ? BodyFormat::json : body_format(type.name());
  if (format == BodyFormat::unknown)
    return fail("UnsupportedMediaType",
                "Content-type " + std::string(type.name()) +
                    " is not supported. Supported are application/json, text/csv and "
                    "application/x-npy.",
                415);
  auto bad = [](const Error& error) { return fail("BadRequest", error.message, 400); };
  if (format == BodyFormat::json) {
    Result<ModelInput> input = parse_json_body(body, inputs);
    if (!input) return bad(input.error());
    return input;
  }
  if (inputs.size() != 1)
    return fail("BadRequest",
                "the model has " + std::to_string(inputs.size()) +
                    " inputs; send application/json with {\"inputs\": {\"name\": array, ..}}",
                400);
  Result<Tensor> tensor =
      format == BodyFormat::csv ? parse_csv_body(body, inputs[0]) : parse_npy_body(body, inputs[0]);
  if (!tensor) return bad(tensor.error());
  ModelInput input;
  input.tensors.push_back(std::move(*tensor));
  return input;
}

Result<std::string> encode_outputs(BodyFormat format, const std::vector<TensorSpec>& outputs,
                                   const Tensors& tensors, bool row_form) {
  if (format == BodyFormat::csv) return encode_csv(tensors);
  if (format == BodyFormat::npy) return encode_npy(outputs, tensors);
  return encode_json(outputs, tensors, row_form);
}

}  // namespace tidemill::model_server
