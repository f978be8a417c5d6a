// The operators of a graph as functions from tensors to tensors.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "infer/onnx_ml/graph.h"
#include "infer/onnx_ml/tensor.h"

namespace tidemill::infer::onnx_ml {

// nullptr: an input that is left out, or an unused output.
using Inputs = std::span<const Tensor* const>;
using Outputs = std::span<Tensor* const>;
// Thread-safe. Errors are Tidemill.Invalid: shapes or types that do not fit.
using Operator = std::function<Result<void>(Inputs, Outputs)>;
// opset: version of the default domain, by which the meaning of some operators differs.
using OperatorMaker = Result<Operator> (*)(const Node& node, std::int64_t opset);
using OperatorTable = std::map<std::string_view, OperatorMaker>;

void add_elementwise_operators(OperatorTable& table);
void add_shape_operators(OperatorTable& table);
void add_reduce_operators(OperatorTable& table);
void add_linear_operators(OperatorTable& table);
void add_encoder_operators(OperatorTable& table);
void add_tree_operators(OperatorTable& table);

// All known operators by name. Names of ai.onnx and ai.onnx.ml do not overlap.
const OperatorTable& operator_table();

// Multiplications of matrices since the pipeline's run on this thread began.
std::size_t& multiplications_done();

// True while a model that is being loaded predicts made-up rows: encoders then treat unknown
// categories as none, although they may refuse them in a client's rows.
bool& rows_are_made_up();

// The first check of most operators: `count` inputs are present and one output is used.
Result<void> need_inputs(Inputs inputs, std::size_t count);

// ONNX-ML's post_transform over the scores of one row, as ONNX Runtime computes it.
enum class PostTransform { none, softmax, logistic, softmax_zero, probit };
Result<PostTransform> post_transform_of(const std::string& name);
void apply_post_transform(PostTransform transform, float* scores, std::size_t count);
float logistic(float x);

}  // namespace tidemill::infer::onnx_ml
