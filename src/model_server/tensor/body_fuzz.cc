// Request bodies for ONNX models: any input gives tensors that fit the inputs, or an error.
#include <cassert>
#include <cstdint>
#include <string_view>

#include "model_server/tensor/body.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tidemill::model_server;
  if (size < 2) return 0;
  static const std::vector<TensorSpec> kOne = {
      {"x", ElementType::float32, {kDynamic, 2, kDynamic}, {}}};
  static const std::vector<TensorSpec> kTwo = {
      {"x", ElementType::float64, {kDynamic, kDynamic}, {}},
      {"t", ElementType::int64, {kDynamic}, {}}};
  static const std::vector<TensorSpec> kFlags = {{"x", ElementType::boolean, {kDynamic, 4}, {}}};
  const std::vector<TensorSpec>& inputs = data[0] % 3 == 0   ? kOne
                                          : data[0] % 3 == 1 ? kTwo
                                                             : kFlags;
  constexpr const char* kTypes[] = {"application/json", "text/csv", "application/x-npy"};
  const std::string_view body(reinterpret_cast<const char*>(data + 2), size - 2);
  const auto input = decode_body(kTypes[data[1] % 3], body, inputs);
  if (!input) return 0;
  assert(input->tensors.size() == inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Tensor& tensor = input->tensors[i];
    assert(tensor.type == inputs[i].type && tensor.shape.size() == inputs[i].shape.size());
    const auto count = element_count(tensor.shape, tensor.type);
    assert(count && *count == tensor.count());
  }
  return 0;
}
