// The meaning of an image URI here. Clients send the URIs of some thirty AWS registry accounts;
// the account and the region say nothing, the repository's name says which runtime is meant.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace tidemill::services::sagemaker {

enum class Runtime {
  xgboost,       // native training and prediction; with a script the host's Python
  scikit_learn,  // the host's Python
  pytorch,       // the host's Python
  served_model,  // hosting only: Tidemill reads the model's own format, or ONNX Runtime does
  host_program,  // training only: an unknown image, of which ContainerEntrypoint runs on the host
};

struct Image {
  Runtime runtime;
  std::string repository;  // "sagemaker-xgboost"
  std::string tag;         // "1.7-1"; "" when the URI has none
};

// ValidationException when the repository is not known: names the images that can be hosted, and
// says what to do.
Result<Image> resolve_image(std::string_view uri);

// Every repository name that resolve_image() takes.
std::vector<std::string> known_repositories();
struct Programs;
// The image of a training job. One that is not known is a host_program when the job says what to
// run (ContainerEntrypoint) and this machine has that program: the image itself is never run.
Result<Image> resolve_training_image(std::string_view uri,
                                     const std::vector<std::string>& entrypoint,
                                     const Programs& programs);

// The version of XGBoost that an image of it has. Without a tag, and with one that is no version,
// the newest; "xgboost:1" and "xgboost:latest", the old built-in algorithm, are 0.72.
struct Version {
  int major = 0, minor = 0;
  auto operator<=>(const Version&) const = default;
  std::string text() const { return std::to_string(major) + "." + std::to_string(minor); }
};
Version xgboost_version(const Image& image);

// The programs behind the runtimes, as the server's settings give them.
struct Programs {
  std::string self;     // this binary, for native algorithms
  std::string python;   // absolute; its environment holds what scripts import
  std::string toolkit;  // folder with tidemill_training/ and tidemill_serving/
};

// The runtimes and programs that jobs' commands name (compute::JobSpec::runtime).
inline constexpr const char* kPythonRuntime = "python";  // the host's Python with the toolkit
inline constexpr const char* kNativeRuntime = "native";  // Tidemill's own algorithms
inline constexpr const char* kPythonProgram = "python";
inline constexpr const char* kTidemillProgram = "tidemill";  // in both runtimes

struct RuntimeCommand {
  std::string runtime;
  std::vector<std::string> command;
  std::map<std::string, std::string> environment;
};

// The way in which `image` trains: natively, or as a script when the hyperparameters name one
// (sagemaker_program). `entrypoint` and `arguments` (the v3 SDK's) replace the image's own command.
RuntimeCommand training_command(const Image& image,
                                const std::map<std::string, std::string>& hyperparameters,
                                const std::vector<std::string>& entrypoint,
                                const std::vector<std::string>& arguments);

// True when the image's model is served by the host's Python: it is no native model, or it comes
// with a script (SAGEMAKER_PROGRAM in the container's environment).
bool is_script_mode(const Image& image, const std::map<std::string, std::string>& variables,
                    std::string_view program_name);

// The requirements of every image that runs on the host's Python.
struct PythonEnvironment {
  std::map<std::string, std::string> variables;  // PATH, PYTHONPATH
  std::vector<std::string> folders;              // must be readable, at these paths
};
PythonEnvironment python_environment(const Programs& programs);

}  // namespace tidemill::services::sagemaker
