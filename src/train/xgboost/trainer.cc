#include "train/xgboost/trainer.h"

#include <cstdio>
#include <cstdlib>
#include <sstream>

#include "train/xgboost/checkpoints.h"
#include "train/xgboost/handles.h"
#include "train/xgboost/metrics.h"

namespace tidemill::train::xgboost {
namespace {

// The container's tab as SageMaker's logs show it; the algorithm's metric definitions search for
// it.
constexpr std::string_view kTab = "#011";

// "[0]\ttrain-auc:0.91495890966951732" as the container's log shows it: "[0]#011train-auc:0.91496".
std::string shown_line(const std::string& line) {
  std::string out;
  std::istringstream fields(line);
  for (std::string field; std::getline(fields, field, '\t');) {
    const std::size_t colon = field.rfind(':');
    if (colon != std::string::npos) {
      char value[40];
      std::snprintf(value, sizeof value, ":%.5f", std::strtod(field.c_str() + colon + 1, nullptr));
      field.replace(colon, std::string::npos, value);
    }
    if (!out.empty()) out += kTab;
    out += field;
  }
  return out;
}

// Watches the last metric of the last data set.
class EarlyStopping {
 public:
  EarlyStopping(std::optional<int> rounds, bool has_validation)
      : rounds_(has_validation ? rounds.value_or(0) : 0) {}
  bool enabled() const { return rounds_ > 0; }
  int best_round() const { return best_round_; }
  double best_score() const { return best_score_; }

  // True when it is time to stop. `line` ends in "validation-auc:0.91".
  bool observe(int round, const std::string& line) {
    if (!enabled()) return false;
    const std::size_t colon = line.rfind(':');
    const std::size_t dash = line.rfind("validation-");
    if (colon == std::string::npos || dash == std::string::npos) return false;
    const double score = std::strtod(line.c_str() + colon + 1, nullptr);
    const std::string metric = line.substr(dash + 11, colon - dash - 11);
    const bool better =
        best_round_ < 0 || (larger_is_better(metric) ? score > best_score_ : score < best_score_);
    if (better) {
      best_round_ = round;
      best_score_ = score;
    }
    return round - best_round_ >= rounds_;
  }

 private:
  int rounds_;
  int best_round_ = -1;
  double best_score_ = 0;
};

class Loop {
 public:
  Loop(const Training& training, const DMatrix& train, const DMatrix* validation, Booster booster)
      : training_(training),
        train_(train),
        validation_(validation),
        booster_(std::move(booster)),
        stopping_(training.parameters.early_stopping_rounds, validation != nullptr) {}

  Result<void> run();

 private:
  Result<int> resume();
  Result<std::string> evaluate(int round);
  Result<std::string> custom(const std::string& set, const Dataset& data, const DMatrix& matrix);
  Result<void> save();

  const Training& training_;
  const DMatrix& train_;
  const DMatrix* validation_;
  Booster booster_;
  EarlyStopping stopping_;
  int rounds_done_ = 0;
};

// The first round to run.
Result<int> Loop::resume() {
  if (training_.checkpoint_directory.empty()) return 0;
  std::optional<Checkpoint> checkpoint = latest_checkpoint(training_.checkpoint_directory);
  if (!checkpoint) return 0;
  TRY(booster_.load(checkpoint->path.string()));
  training_.print("Resuming from checkpoint " + checkpoint->path.filename().string());
  return checkpoint->round + 1;
}

Result<std::string> Loop::custom(const std::string& set, const Dataset& data,
                                 const DMatrix& matrix) {
  if (training_.parameters.custom_metrics.empty()) return std::string();
  Booster::Scores scores = TRY(booster_.predict(matrix));
  const Evaluated evaluated{data.labels, scores.values, scores.columns,
                            training_.parameters.objective};
  std::string line;
  for (const std::string& name : training_.parameters.custom_metrics) {
    const double value = TRY(custom_metric(name, evaluated));
    char text[40];
    std::snprintf(text, sizeof text, ":%.17g", value);
    line += "\t" + set + "-" + name + text;
  }
  return line;
}

Result<std::string> Loop::evaluate(int round) {
  const bool builtin =
      !training_.parameters.builtin_metrics.empty() || training_.parameters.custom_metrics.empty();
  std::string line = "[" + std::to_string(round) + "]";
  auto add = [&](const std::string& set, const Dataset& data,
                 const DMatrix& matrix) -> Result<void> {
    if (builtin) {
      std::string text = TRY(booster_.evaluate(round, {matrix.handle()}, {set.c_str()}));
      line += text.substr(text.find('\t'));
    }
    line += TRY(custom(set, data, matrix));
    return {};
  };
  TRY(add("train", training_.train, train_));
  if (validation_) TRY(add("validation", *training_.validation, *validation_));
  return line;
}

Result<void> Loop::save() {
  if (stopping_.enabled() && stopping_.best_round() >= 0) {
    const int best = stopping_.best_round();
    // Linear boosters have one model, not one a round.
    Result<Booster> sliced = booster_.first_rounds(best + 1);
    if (sliced && best + 1 < rounds_done_) booster_ = std::move(*sliced);
    TRY(booster_.set_attribute("best_iteration", std::to_string(best)));
    TRY(booster_.set_attribute("best_score", std::to_string(stopping_.best_score())));
  }
  return booster_.save(training_.model_file.string());
}

Result<void> Loop::run() {
  const int first = TRY(resume());
  rounds_done_ = first;
  for (int round = first; round < training_.parameters.rounds; ++round) {
    if (training_.stop_requested()) {
      training_.print("Stop requested: saving the model of " + std::to_string(round) + " rounds");
      break;
    }
    TRY(booster_.update(round, train_));
    rounds_done_ = round + 1;
    std::string line = TRY(evaluate(round));
    training_.print(shown_line(line));
    if (!training_.checkpoint_directory.empty())
      TRY(write_checkpoint(training_.checkpoint_directory, round, booster_));
    if (stopping_.observe(round, line)) {
      training_.print("Stopping. Best iteration: [" + std::to_string(stopping_.best_round()) + "]");
      break;
    }
  }
  return save();
}

Result<void> check_shapes(const Training& training) {
  if (!training.validation) return {};
  const Dataset& validation = *training.validation;
  // A sparse set may lack its last columns.
  const bool fits = validation.sparse() ? validation.columns <= training.train.columns
                                        : validation.columns == training.train.columns;
  if (fits) return {};
  return fail("ClientError", "the channel 'validation' has " + std::to_string(validation.columns) +
                                 " features, but 'train' has " +
                                 std::to_string(training.train.columns));
}

}  // namespace

Result<void> run_training(const Training& training) {
  const Library* library = TRY(infer::xgboost::library());
  TRY(check_shapes(training));
  DMatrix train = TRY(DMatrix::create(*library, training.train));
  std::optional<DMatrix> validation;
  if (training.validation) validation.emplace(TRY(DMatrix::create(*library, *training.validation)));
  std::vector<DMatrixHandle> cached{train.handle()};
  if (validation) cached.push_back(validation->handle());
  Booster booster = TRY(Booster::create(*library, cached));
  TRY(booster.set("nthread", std::to_string(training.threads)));
  TRY(booster.set("verbosity", "1"));
  TRY(booster.set("validate_parameters", "0"));
  for (const auto& [name, value] : training.parameters.booster) TRY(booster.set(name, value));
  for (const std::string& metric : training.parameters.builtin_metrics)
    TRY(booster.set("eval_metric", metric));
  return Loop(training, train, validation ? &*validation : nullptr, std::move(booster)).run();
}

}  // namespace tidemill::train::xgboost
