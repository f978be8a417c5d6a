// Converts request bodies to a model's inputs and its outputs to response bodies.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model_server/tensor/tensor.h"

namespace tidemill::model_server {

enum class BodyFormat { json, csv, npy, unknown };
BodyFormat body_format(std::string_view media_type);
std::string_view media_type_of(BodyFormat format);

struct ModelInput {
  Tensors tensors;       // one for each input, of its type and shape
  bool row_form = true;  // answer {"predictions": [a row's, ..]}, not {"outputs": ..}
};

// application/json: {"inputs": array or {"name": array, ..}}, {"instances": [array or
// {"name": array}, ..]} (TensorFlow Serving's two forms), or the array alone; text/csv: a row a
// line, folded to the shape of the only input; application/x-npy: the only input's array, of its
// type or one that converts without loss of kind. Empty fields and nulls are NaN.
// "UnsupportedMediaType" 415; "BadRequest" 400 names the input, what it expects and where the body
// differs.
Result<ModelInput> decode_body(std::string_view content_type, std::string_view body,
                               const std::vector<TensorSpec>& inputs);

// json: a single output stands alone, several form an object by name. csv: one line per index of
// the first dimension, outputs side by side. npy: only for a single output. "NotAcceptable" 406
// when the outputs do not have such a form.
Result<std::string> encode_outputs(BodyFormat format, const std::vector<TensorSpec>& outputs,
                                   const Tensors& tensors, bool row_form);

// The three readers, for tests and fuzzers; Tidemill.Invalid.
Result<ModelInput> parse_json_body(std::string_view text, const std::vector<TensorSpec>& inputs);
Result<Tensor> parse_csv_body(std::string_view text, const TensorSpec& input);
Result<Tensor> parse_npy_body(std::string_view bytes, const TensorSpec& input);

}  // namespace tidemill::model_server
