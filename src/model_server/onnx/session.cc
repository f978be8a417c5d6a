#include "model_server/onnx/session.h"

#include <set>

#include "base/log.h"
#include "model_server/onnx/ort_api.h"

namespace tidemill::model_server {
namespace {

template <class T>
using Owned = std::unique_ptr<T, void (*)(T*)>;

Result<void> check(const ort::Api& api, ort::Status* status) {
  if (status == nullptr) return {};
  std::string message = api.GetErrorMessage(status);
  api.ReleaseStatus(status);
  return fail(codes::kInvalid, "ONNX Runtime: " + message);
}

class OnnxSession final : public Runner {
 public:
  explicit OnnxSession(const ort::Api& api)
      : api_(api),
        environment_(nullptr, api.ReleaseEnv),
        session_(nullptr, api.ReleaseSession),
        memory_(nullptr, api.ReleaseMemoryInfo) {}

  Result<void> load(const std::string& path, int threads) {
    ort::Env* environment = nullptr;
    TRY(check(api_, api_.CreateEnv(ort::kLogFatal, "tidemill", &environment)));
    environment_.reset(environment);
    ort::MemoryInfo* memory = nullptr;
    TRY(check(api_, api_.CreateCpuMemoryInfo(ort::kDeviceAllocator, ort::kDefaultMemory, &memory)));
    memory_.reset(memory);
    Owned<ort::SessionOptions> options(nullptr, api_.ReleaseSessionOptions);
    ort::SessionOptions* made = nullptr;
    TRY(check(api_, api_.CreateSessionOptions(&made)));
    options.reset(made);
    TRY(check(api_, api_.SetSessionGraphOptimizationLevel(made, ort::kOptimizeAll)));
    TRY(check(api_, api_.SetIntraOpNumThreads(made, threads)));
    TRY(check(api_, api_.SetInterOpNumThreads(made, 1)));
    // Threads that spin while waiting would take the processor from the rest of the machine.
    TRY(check(api_, api_.AddSessionConfigEntry(made, "session.intra_op.allow_spinning", "0")));
    ort::Session* session = nullptr;
    TRY(check(api_, api_.CreateSession(environment_.get(), path.c_str(), made, &session)));
    session_.reset(session);
    return describe();
  }

  const std::vector<TensorSpec>& inputs() const override { return inputs_; }
  const std::vector<TensorSpec>& outputs() const override { return outputs_; }
  bool has_labels() const override { return graph_outputs_ == 2 && labels_; }
  Result<Tensors> run(const Tensors& inputs) override;

 private:
  using CountOf = ort::Status* (*)(const ort::Session*, std::size_t*);
  using NameOf = ort::Status* (*)(const ort::Session*, std::size_t, ort::Allocator*, char**);
  using TypeOf = ort::Status* (*)(const ort::Session*, std::size_t, ort::TypeInfo**);

  Result<void> describe() {
    TRY(describe(api_.SessionGetInputCount, api_.SessionGetInputName, api_.SessionGetInputTypeInfo,
                 true, inputs_));
    labels_ = false;
    TRY(describe(api_.SessionGetOutputCount, api_.SessionGetOutputName,
                 api_.SessionGetOutputTypeInfo, false, outputs_));
    TRY(check(api_, api_.SessionGetOutputCount(session_.get(), &graph_outputs_)));
    if (outputs_.empty())
      return fail(codes::kInvalid, "none of the model's outputs is a tensor of numbers");
    for (const TensorSpec& spec : inputs_) input_names_.push_back(spec.name.c_str());
    for (const TensorSpec& spec : outputs_) output_names_.push_back(spec.name.c_str());
    return {};
  }
  Result<void> describe(CountOf count_of, NameOf name_of_value, TypeOf type_of, bool all,
                        std::vector<TensorSpec>& out);
  Result<void> read_type(const ort::TypeInfo* info, bool output, TensorSpec& spec);
  Result<Tensor> take(ort::Value* value) const;
  Result<Tensor> take_maps(const ort::Value* value) const;

  const ort::Api& api_;
  Owned<ort::Env> environment_;
  Owned<ort::Session> session_;
  Owned<ort::MemoryInfo> memory_;
  std::vector<TensorSpec> inputs_, outputs_;
  std::set<std::string> maps_;     // outputs that are sequences of maps
  std::size_t graph_outputs_ = 0;  // those that are not served, too
  bool labels_ = false;            // one is a vector of whole numbers or texts
  std::vector<const char*> input_names_, output_names_;
};

Result<void> OnnxSession::describe(CountOf count_of, NameOf name_of_value, TypeOf type_of, bool all,
                                   std::vector<TensorSpec>& out) {
  ort::Allocator* allocator = nullptr;  // ONNX Runtime's own
  TRY(check(api_, api_.GetAllocatorWithDefaultOptions(&allocator)));
  std::size_t count = 0;
  TRY(check(api_, count_of(session_.get(), &count)));
  for (std::size_t i = 0; i < count; ++i) {
    TensorSpec spec;
    char* name = nullptr;
    TRY(check(api_, name_of_value(session_.get(), i, allocator, &name)));
    spec.name = name;
    TRY(check(api_, api_.AllocatorFree(allocator, name)));
    ort::TypeInfo* info = nullptr;
    TRY(check(api_, type_of(session_.get(), i, &info)));
    const Owned<ort::TypeInfo> owned(info, api_.ReleaseTypeInfo);
    Result<void> read = read_type(info, !all, spec);
    if (read) {
      out.push_back(std::move(spec));
      continue;
    }
    if (all) return fail(codes::kInvalid, "input \"" + spec.name + "\" " + read.error().message);
    log::warning("an output of the model is not served",
                 {{"output", spec.name}, {"reason", "it " + read.error().message}});
  }
  return {};
}

Result<void> OnnxSession::read_type(const ort::TypeInfo* info, bool output, TensorSpec& spec) {
  int kind = 0, type = 0;
  TRY(check(api_, api_.GetOnnxTypeFromTypeInfo(info, &kind)));
  if (output && kind == ort::kTypeSequence) {
    spec.type = ElementType::float32;
    spec.shape = {kDynamic, kDynamic};
    spec.symbols = {"", ""};
    maps_.insert(spec.name);
    return {};
  }
  if (kind != ort::kTypeTensor) return fail(codes::kInvalid, "is not a tensor");
  const ort::TensorInfo* tensor = nullptr;
  TRY(check(api_, api_.CastTypeInfoToTensorInfo(info, &tensor)));
  TRY(check(api_, api_.GetTensorElementType(tensor, &type)));
  std::size_t rank = 0;
  TRY(check(api_, api_.GetDimensionsCount(tensor, &rank)));
  const bool whole = type == static_cast<int>(ElementType::int64) || type == ort::kElementString;
  if (output && rank <= 1 && whole) labels_ = true;
  if (!is_served(type))
    return fail(codes::kInvalid, "is a tensor of ONNX's element type " + std::to_string(type) +
                                     ", neither float32, float64, integers nor bool");
  spec.type = static_cast<ElementType>(type);
  if (rank > kRankMax)
    return fail(codes::kInvalid, "has " + std::to_string(rank) + " dimensions, more than " +
                                     std::to_string(kRankMax));
  spec.shape.resize(rank);
  TRY(check(api_, api_.GetDimensions(tensor, spec.shape.data(), rank)));
  std::vector<const char*> symbols(rank);
  TRY(check(api_, api_.GetSymbolicDimensions(tensor, symbols.data(), rank)));
  for (const char* symbol : symbols) spec.symbols.emplace_back(symbol ? symbol : "");
  for (std::int64_t& dimension : spec.shape)
    if (dimension < 0) dimension = kDynamic;
  return {};
}

Result<Tensors> OnnxSession::run(const Tensors& inputs) {
  std::vector<Owned<ort::Value>> owned;
  std::vector<const ort::Value*> values;
  for (const Tensor& input : inputs) {
    ort::Value* value = nullptr;
    // ONNX Runtime does not write to its inputs.
    auto* data = const_cast<char*>(input.data.data());
    TRY(check(api_, api_.CreateTensorWithDataAsOrtValue(memory_.get(), data, input.data.size(),
                                                        input.shape.data(), input.shape.size(),
                                                        static_cast<int>(input.type), &value)));
    owned.emplace_back(value, api_.ReleaseValue);
    values.push_back(value);
  }
  std::vector<ort::Value*> results(outputs_.size());
  TRY(check(api_, api_.Run(session_.get(), nullptr, input_names_.data(), values.data(),
                           values.size(), output_names_.data(), results.size(), results.data())));
  for (ort::Value* result : results) owned.emplace_back(result, api_.ReleaseValue);
  Tensors out;
  for (std::size_t i = 0; i < results.size(); ++i)
    out.push_back(TRY(maps_.contains(outputs_[i].name) ? take_maps(results[i]) : take(results[i])));
  return out;
}

// The numbers of each map in the order of its keys: ONNX Runtime's maps are sorted.
Result<Tensor> OnnxSession::take_maps(const ort::Value* value) const {
  ort::Allocator* allocator = nullptr;  // ONNX Runtime's own
  TRY(check(api_, api_.GetAllocatorWithDefaultOptions(&allocator)));
  std::size_t count = 0;
  TRY(check(api_, api_.GetValueCount(value, &count)));
  Tensor all{ElementType::float32, {static_cast<std::int64_t>(count), 0}, {}};
  for (std::size_t row = 0; row < count; ++row) {
    ort::Value *map = nullptr, *numbers = nullptr;
    TRY(check(api_, api_.GetValue(value, static_cast<int>(row), allocator, &map)));
    const Owned<ort::Value> owned_map(map, api_.ReleaseValue);
    constexpr int kMapValues = 1;  // 0: its keys
    TRY(check(api_, api_.GetValue(map, kMapValues, allocator, &numbers)));
    const Owned<ort::Value> owned_numbers(numbers, api_.ReleaseValue);
    const Tensor classes = TRY(take(numbers));
    const auto columns = static_cast<std::int64_t>(classes.count());
    if (classes.type != ElementType::float32 || (row > 0 && columns != all.shape[1]))
      return fail(codes::kInvalid, "an output is not a sequence of maps to float32");
    all.shape[1] = columns;
    all.data += classes.data;
  }
  return all;
}

Result<Tensor> OnnxSession::take(ort::Value* value) const {
  ort::TensorInfo* made = nullptr;
  TRY(check(api_, api_.GetTensorTypeAndShape(value, &made)));
  const Owned<ort::TensorInfo> info(made, api_.ReleaseTensorTypeAndShapeInfo);
  int type = 0;
  std::size_t rank = 0;
  TRY(check(api_, api_.GetTensorElementType(made, &type)));
  TRY(check(api_, api_.GetDimensionsCount(made, &rank)));
  if (!is_served(type) || rank > kRankMax)
    return fail(codes::kInvalid, "an output is not a tensor of numbers");
  Tensor tensor{static_cast<ElementType>(type), Shape(rank), {}};
  TRY(check(api_, api_.GetDimensions(made, tensor.shape.data(), rank)));
  const std::size_t count = TRY(element_count(tensor.shape, tensor.type));
  void* data = nullptr;
  TRY(check(api_, api_.GetTensorMutableData(value, &data)));
  tensor.data.assign(static_cast<const char*>(data), count * bytes_of(tensor.type));
  return tensor;
}

}  // namespace

Result<std::unique_ptr<Runner>> load_onnx(const std::string& path, int threads) {
  const ort::Api* api = TRY(ort::open_api());
  auto session = std::make_unique<OnnxSession>(*api);
  TRY(session->load(path, threads));
  return std::unique_ptr<Runner>(std::move(session));
}

}  // namespace tidemill::model_server
