// One loaded ONNX model.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "model_server/tensor/tensor.h"

namespace tidemill::model_server {

// What runs a batch; the ONNX session, and fakes in tests.
class Runner {
 public:
  virtual ~Runner() = default;
  virtual const std::vector<TensorSpec>& inputs() const = 0;
  virtual const std::vector<TensorSpec>& outputs() const = 0;
  // Whether the model has an output of labels, whole numbers or texts (which are not served), in
  // vector form beside one other output: it is a classifier, as skl2onnx makes them.
  virtual bool has_labels() const { return false; }
  // A tensor for each input, in order; answers one for each output. One thread at a time.
  virtual Result<Tensors> run(const Tensors& inputs) = 0;
};

// threads: of one run. A sequence of maps (a classifier's ZipMap) is served as a tensor of a column
// a class, in the order of the classes. Other outputs that are no tensors of a served type are left
// out with a warning; a model all of whose outputs are like that, or any input, is
// Tidemill.Invalid, as is a file that ONNX Runtime refuses: its message is in the error.
Result<std::unique_ptr<Runner>> load_onnx(const std::string& path, int threads);

}  // namespace tidemill::model_server
