#include <signal.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/json.h"
#include "train/xgboost/trainer.h"
#include "train/xgboost_main.h"

namespace tidemill::train {
namespace {

namespace fs = std::filesystem;
using xgboost::Training;

std::atomic<bool> stop_requested = false;
static_assert(std::atomic<bool>::is_always_lock_free);  // a signal handler writes it

void print_line(const std::string& line) {
  std::fputs((line + "\n").c_str(), stdout);
  std::fflush(stdout);
}

// A missing file counts as an empty object.
Result<Value> read_config(const fs::path& path) {
  std::ifstream file(path);
  if (!file) return Value(ValueObject());
  std::stringstream text;
  text << file.rdbuf();
  Result<Value> value = parse_json(text.str());
  if (!value || !value->as_object())
    return fail("AlgorithmError", path.string() + " is no JSON object");
  return value;
}

// The XGBoost version of the image's tag, passed by the server.
xgboost::XgboostVersion container_version() {
  xgboost::XgboostVersion version;
  const char* text = std::getenv("TIDEMILL_XGBOOST_VERSION");
  if (text == nullptr || std::sscanf(text, "%d.%d", &version.major, &version.minor) != 2)
    return xgboost::kNewestXgboost;
  return version;
}

Result<xgboost::Hyperparameters> read_hyperparameters(const fs::path& root) {
  Value config = TRY(read_config(root / "input/config/hyperparameters.json"));
  std::map<std::string, std::string> values;
  for (const auto& [name, value] : *config.as_object()) {
    const std::string* text = value.as_string();
    values[name] = text ? *text : write_json(value);
  }
  return xgboost::parse_hyperparameters(values, container_version());
}

Result<xgboost::Dataset> read_channel(const fs::path& root, const Value& channels,
                                      const std::string& name, bool csv_weights) {
  xgboost::ReadOptions options;
  options.csv_weights = csv_weights;
  if (const Value* channel = channels.find(name)) {
    if (const Value* type = channel->find("ContentType"); type && type->as_string())
      options.content_type = *type->as_string();
    const Value* mode = channel->find("TrainingInputMode");
    if (mode && mode->as_string() && *mode->as_string() == "Pipe")
      return fail("ClientError",
                  "the channel '" + name +
                      "' uses input mode Pipe, which this algorithm does not read; use "
                      "File or FastFile");
  }
  return xgboost::read_channel(name, root / "input/data" / name, options);
}

int thread_count() {
  if (const char* cpus = std::getenv("SM_NUM_CPUS"))
    if (int count = std::atoi(cpus); count > 0) return count;
  return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

std::string size_text(const xgboost::Dataset& data) {
  return std::to_string(data.rows) + " rows with " + std::to_string(data.columns) + " features";
}

Result<void> run(const fs::path& root) {
  Training training;
  training.parameters = TRY(read_hyperparameters(root));
  Value channels = TRY(read_config(root / "input/config/inputdataconfig.json"));
  std::error_code error;
  if (!fs::is_directory(root / "input/data/train", error))
    return fail("ClientError", "Missing required channel: train");
  for (const auto& [name, channel] : *channels.as_object())
    if (name != "train" && name != "validation" && name != "code")
      return fail("ClientError", "Extraneous channel found: " + name +
                                     "; the algorithm reads train and validation");
  training.train = TRY(read_channel(root, channels, "train", training.parameters.csv_weights));
  print_line("Train matrix has " + size_text(training.train));
  if (fs::is_directory(root / "input/data/validation", error)) {
    training.validation =
        TRY(read_channel(root, channels, "validation", training.parameters.csv_weights));
    print_line("Validation matrix has " + size_text(*training.validation));
  }
  training.threads = thread_count();
  training.model_file = root / "model/xgboost-model";
  fs::create_directories(root / "model", error);
  if (fs::is_directory(root / "checkpoints", error))
    training.checkpoint_directory = root / "checkpoints";
  training.stop_requested = [] { return stop_requested.load(); };
  training.print = print_line;
  return xgboost::run_training(training);
}

void write_failure(const fs::path& root, const std::string& message) {
  std::error_code error;
  fs::create_directories(root / "output", error);
  std::ofstream(root / "output/failure") << message;
}

}  // namespace

int xgboost_main(const std::string& root) {
  struct sigaction action = {};
  action.sa_handler = [](int) { stop_requested = true; };
  sigaction(SIGTERM, &action, nullptr);
  Result<void> result;
  try {
    result = run(root);
  } catch (const std::exception& exception) {
    result = fail("AlgorithmError", exception.what());
  }
  if (result) return 0;
  const std::string code = result.error().code == "ClientError" ? "ClientError" : "AlgorithmError";
  const std::string message = code + ": " + result.error().message;
  write_failure(root, message);
  print_line(message);
  return 1;
}

}  // namespace tidemill::train
