#include "model_server/onnx/ort_api.h"

#include <dlfcn.h>

#include "base/shared_library.h"

namespace tidemill::model_server::ort {
namespace {

constexpr SharedLibrary kOnnxRuntime{"libonnxruntime.so.1", "TIDEMILL_ONNXRUNTIME_LIBRARY",
                                     ".cache/onnxruntime", "ONNX Runtime",
                                     "the npm package onnxruntime-node, 1.16 or newer"};

struct ApiBase {
  const Api* (*GetApi)(std::uint32_t version);
  const char* (*GetVersionString)();
};

}  // namespace

Result<const Api*> open_api() {
  void* handle = TRY(open_shared_library(kOnnxRuntime));
  auto get_base = reinterpret_cast<const ApiBase* (*)()>(dlsym(handle, "OrtGetApiBase"));
  if (get_base == nullptr)
    return fail(codes::kNotFound, std::string(kOnnxRuntime.file) + " has no OrtGetApiBase");
  const Api* api = get_base()->GetApi(kApiVersion);
  if (api == nullptr)
    return fail(codes::kNotFound, std::string("ONNX Runtime ") + get_base()->GetVersionString() +
                                      " is too old; 1.16 or newer is needed");
  return api;
}

}  // namespace tidemill::model_server::ort
