#include "services/sagemaker/common/images/images.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace tidemill::services::sagemaker {

namespace {

struct KnownImage {
  std::string_view repository;
  Runtime runtime;
};

constexpr KnownImage kKnownImages[] = {
    {"sagemaker-xgboost", Runtime::xgboost},
    {"xgboost", Runtime::xgboost},
    {"sagemaker-scikit-learn", Runtime::scikit_learn},
    {"pytorch-training", Runtime::pytorch},
    {"pytorch-inference", Runtime::pytorch},
    {"pytorch", Runtime::pytorch},
    {"lightgbm", Runtime::served_model},
    {"catboost", Runtime::served_model},
    {"linear-learner", Runtime::served_model},
    {"kmeans", Runtime::served_model},
    {"pca", Runtime::served_model},
    {"onnxruntime", Runtime::served_model},
};

constexpr std::string_view kProgram = "sagemaker_program";
constexpr std::string_view kDefaultPath =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// Folders outside /usr that an interpreter needs: its virtual environment and the installation that
// this was made from.
std::vector<std::string> interpreter_folders(const std::string& python) {
  namespace fs = std::filesystem;
  std::vector<std::string> folders;
  const auto add = [&folders](const fs::path& prefix) {
    const std::string text = prefix.string();
    if (text.empty() || text == "/" || text == "/usr" || text == "/usr/local") return;
    if (std::find(folders.begin(), folders.end(), text) == folders.end()) folders.push_back(text);
  };
  const fs::path environment = fs::path(python).parent_path().parent_path();
  add(environment);
  std::error_code ignored;
  const fs::path real = fs::canonical(python, ignored);
  if (!ignored) add(real.parent_path().parent_path());
  std::ifstream configuration(environment / "pyvenv.cfg");
  for (std::string line; std::getline(configuration, line);) {
    constexpr std::string_view kHome = "home = ";
    if (line.starts_with(kHome)) add(fs::path(line.substr(kHome.size())).parent_path());
  }
  return folders;
}

}  // namespace

namespace {

// Repository and tag of a URI; the runtime is not found out yet.
Image split_uri(std::string_view uri) {
  std::string_view name = uri;
  if (std::size_t slash = name.rfind('/'); slash != name.npos) name.remove_prefix(slash + 1);
  if (std::size_t digest = name.find('@'); digest != name.npos) name = name.substr(0, digest);
  std::string_view tag;
  if (std::size_t colon = name.find(':'); colon != name.npos) {
    tag = name.substr(colon + 1);
    name = name.substr(0, colon);
  }
  return {Runtime::host_program, std::string(name), std::string(tag)};
}

// The first of `python`'s and the system's folders that has the program; "" none.
std::string find_program(const std::string& name, const std::string& path) {
  if (name.contains('/')) return ::access(name.c_str(), X_OK) == 0 ? name : "";
  std::istringstream folders(path);
  for (std::string folder; std::getline(folders, folder, ':');)
    if (const std::string file = folder + "/" + name; ::access(file.c_str(), X_OK) == 0)
      return file;
  return "";
}

enum class Use { training, hosting };

// Every known image can be hosted.
bool serves(Use use, Runtime runtime) {
  return use == Use::hosting || runtime != Runtime::served_model;
}

// Lists only the images that can be put to this use.
std::unexpected<Error> unknown_image(std::string_view uri, Use use, const std::string& next_step) {
  std::string names;
  for (const KnownImage& known : kKnownImages)
    if (serves(use, known.runtime))
      names += (names.empty() ? "" : ", ") + std::string(known.repository);
  return fail("ValidationException",
              "The image '" + std::string(uri) +
                  "' is not known here, and Tidemill does not run container images. " + next_step +
                  " Known repository names for " + (use == Use::training ? "training" : "hosting") +
                  ", whatever their registry, region and tag: " + names + ".");
}

constexpr const char* kHostAScript =
    "Use one of the images below and bring your code as code/inference.py in model.tar.gz "
    "(SAGEMAKER_PROGRAM).";
constexpr const char* kTrainAScript =
    "Use one of the images below and bring your code as an estimator's entry_point (the "
    "hyperparameters sagemaker_program and sagemaker_submit_directory).";

std::optional<Image> known_image(std::string_view uri) {
  Image image = split_uri(uri);
  for (const KnownImage& known : kKnownImages)
    if (known.repository == image.repository) {
      image.runtime = known.runtime;
      return image;
    }
  return std::nullopt;
}

}  // namespace

Result<Image> resolve_image(std::string_view uri) {
  if (std::optional<Image> known = known_image(uri)) return *std::move(known);
  return unknown_image(uri, Use::hosting, kHostAScript);
}

Result<Image> resolve_training_image(std::string_view uri,
                                     const std::vector<std::string>& entrypoint,
                                     const Programs& programs) {
  if (std::optional<Image> known = known_image(uri)) return *std::move(known);
  if (entrypoint.empty())
    return unknown_image(uri, Use::training,
                         std::string(kTrainAScript) +
                             " Or name a program of this machine as "
                             "AlgorithmSpecification.ContainerEntrypoint; it is then run in place "
                             "of the image.");
  // Files of the job's channels exist only when it runs.
  const std::string& program = entrypoint.front();
  if (program.starts_with("/opt/ml/") ||
      !find_program(program, python_environment(programs).variables.at("PATH")).empty())
    return split_uri(uri);
  return unknown_image(uri, Use::training,
                       "Its ContainerEntrypoint '" + program +
                           "' is no program of this machine either, which would be run in place "
                           "of the image: install it, or name another.");
}

Version xgboost_version(const Image& image) {
  constexpr Version kNewest{3, 0}, kBuiltIn{0, 72};
  std::string_view tag = image.tag;
  if (image.repository == "xgboost" && (tag.empty() || tag == "1" || tag == "latest"))
    return kBuiltIn;
  Version version;
  const char* const end = tag.data() + tag.size();
  const auto [dot, no_major] = std::from_chars(tag.data(), end, version.major);
  if (no_major != std::errc() || dot == end || *dot != '.') return kNewest;
  const auto [rest, no_minor] = std::from_chars(dot + 1, end, version.minor);
  return no_minor == std::errc() ? version : kNewest;
}

PythonEnvironment python_environment(const Programs& programs) {
  PythonEnvironment runtime;
  const std::string bin = std::filesystem::path(programs.python).parent_path();
  runtime.variables["PATH"] = bin + ":" + std::string(kDefaultPath);
  runtime.variables["PYTHONPATH"] = programs.toolkit;
  // A script's output comes line by line; nothing is written beside shared modules.
  runtime.variables["PYTHONUNBUFFERED"] = "1";
  runtime.variables["PYTHONDONTWRITEBYTECODE"] = "1";
  runtime.folders = interpreter_folders(programs.python);
  runtime.folders.push_back(programs.toolkit);
  return runtime;
}

bool is_script_mode(const Image& image, const std::map<std::string, std::string>& variables,
                    std::string_view program_name) {
  const bool native = image.runtime == Runtime::xgboost || image.runtime == Runtime::served_model;
  return !native || variables.contains(std::string(program_name));
}

RuntimeCommand training_command(const Image& image,
                                const std::map<std::string, std::string>& hyperparameters,
                                const std::vector<std::string>& entrypoint,
                                const std::vector<std::string>& arguments) {
  if (!entrypoint.empty()) {
    RuntimeCommand out{kPythonRuntime, entrypoint, {}};
    out.command.insert(out.command.end(), arguments.begin(), arguments.end());
    return out;
  }
  if (is_script_mode(image, hyperparameters, kProgram))
    return {kPythonRuntime, {kPythonProgram, "-m", "tidemill_training"}, {}};
  // The hyperparameters differ by version.
  return {kNativeRuntime,
          {kTidemillProgram, "train", "xgboost"},
          {{"TIDEMILL_XGBOOST_VERSION", xgboost_version(image).text()}}};
}

std::vector<std::string> known_repositories() {
  std::vector<std::string> names;
  for (const KnownImage& known : kKnownImages) names.emplace_back(known.repository);
  return names;
}

}  // namespace tidemill::services::sagemaker
