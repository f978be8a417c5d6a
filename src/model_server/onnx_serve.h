// `tidemill onnx-serve`: a model server process for one ONNX model.
#pragma once

#include <string>

#include "base/error.h"

namespace tidemill::model_server {

// Serves the *.onnx file of the model folder until SIGTERM or SIGINT; the exit code. What is wrong
// with the model goes to standard error. Call before any thread is made.
//   TIDEMILL_ML_ROOT              its model/ is the folder; default /opt/ml
//   TIDEMILL_SOCKET_PATH          listen on this unix socket, else on
//   TIDEMILL_SOCKET_DESCRIPTOR    a bound socket that it inherits; else
//   SAGEMAKER_BIND_TO_PORT        this port (8080) of TIDEMILL_BIND_ADDRESS (127.0.0.1)
//   TIDEMILL_THREADS              of a run; default: the processors the process may use
//   TIDEMILL_ONNX_BATCHING        "off": never join requests
//   TIDEMILL_ONNXRUNTIME_LIBRARY  libonnxruntime.so.1
int onnx_serve_main();

// model.onnx, or else the only *.onnx file. Tidemill.NotFound, Tidemill.Invalid for several.
Result<std::string> find_onnx_file(const std::string& folder);

}  // namespace tidemill::model_server
