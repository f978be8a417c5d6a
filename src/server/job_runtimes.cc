#include "server/job_runtimes.h"

namespace tidemill::server {

namespace sagemaker = services::sagemaker;

Result<compute::Runtime> job_runtime(const sagemaker::Programs& programs, const std::string& name) {
  compute::Runtime runtime;
  runtime.programs[sagemaker::kTidemillProgram] = programs.self;
  if (name == sagemaker::kNativeRuntime) return runtime;
  if (name != sagemaker::kPythonRuntime)
    return fail(codes::kInvalid, "there is no runtime '" + name + "' on this machine");
  sagemaker::PythonEnvironment python = sagemaker::python_environment(programs);
  runtime.programs[sagemaker::kPythonProgram] = programs.python;
  runtime.environment = std::move(python.variables);
  runtime.folders = std::move(python.folders);
  return runtime;
}

}  // namespace tidemill::server
