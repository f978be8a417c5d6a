// One loaded ONNX model.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "model_server/tensor/tensor.h"

namespace tidemill::model_server {

// Runs a batch: the ONNX session, or a fake in tests.
class Runner {
 public:
  virtual ~Runner() = default;
  virtual const std::vector<TensorSpec>& inputs() const = 0;
  virtual const std::vector<TensorSpec>& outputs() const = 0;
  // Whether the model has an output of labels (whole numbers or texts, which are not served) in
  // vector form next to one other output: then it is a classifier, as made by skl2onnx.
  virtual bool has_labels() const { return false; }
  // Takes a tensor per input, in order; returns one per output. One thread at a time.
  virtual Result<Tensors> run(const Tensors& inputs) = 0;
};

// threads: per run. A sequence of maps (a classifier's ZipMap) is served as a tensor with one
// column per class, in the order of the classes. Other outputs that are not tensors of a served
// type are left out with a warning. Tidemill.Invalid when all outputs, or any input, are like that,
// or when ONNX Runtime refuses the file, with its message.
Result<std::unique_ptr<Runner>> load_onnx(const std::string& path, int threads);

}  // namespace tidemill::model_server
