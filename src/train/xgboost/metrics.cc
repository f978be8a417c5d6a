#include "train/xgboost/metrics.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace tidemill::train::xgboost {
namespace {

struct Counts {
  double true_positive = 0, false_positive = 0, false_negative = 0;
  double precision() const { return ratio(true_positive, true_positive + false_positive); }
  double recall() const { return ratio(true_positive, true_positive + false_negative); }
  double f1() const {
    return ratio(2 * true_positive, 2 * true_positive + false_positive + false_negative);
  }
  // scikit-learn's default: 0 when there are no predictions or no labels of the class.
  static double ratio(double part, double whole) { return whole == 0 ? 0 : part / whole; }
};

int predicted_class(const Evaluated& in, std::size_t row) {
  const float* values = in.predictions.data() + row * in.columns;
  if (in.columns > 1)
    return static_cast<int>(std::max_element(values, values + in.columns) - values);
  if (in.objective == "multi:softmax") return static_cast<int>(values[0]);
  if (in.objective == "binary:logitraw") return values[0] > 0 ? 1 : 0;
  return values[0] > 0.5f ? 1 : 0;
}

// Counts for each class among the labels or the predictions.
std::map<int, Counts> count(const Evaluated& in) {
  std::map<int, Counts> classes;
  for (std::size_t row = 0; row < in.labels.size(); ++row) {
    const int truth = static_cast<int>(in.labels[row]);
    const int predicted = predicted_class(in, row);
    if (truth == predicted) {
      classes[truth].true_positive += 1;
    } else {
      classes[truth].false_negative += 1;
      classes[predicted].false_positive += 1;
    }
  }
  return classes;
}

double macro(const std::map<int, Counts>& classes, double (Counts::*metric)() const) {
  double sum = 0;
  for (const auto& [label, counts] : classes) sum += (counts.*metric)();
  return classes.empty() ? 0 : sum / static_cast<double>(classes.size());
}

// Mean recall of the classes that occur among the labels.
double balanced_accuracy(const std::map<int, Counts>& classes) {
  double sum = 0, present = 0;
  for (const auto& [label, counts] : classes) {
    if (counts.true_positive + counts.false_negative == 0) continue;
    sum += counts.recall();
    present += 1;
  }
  return Counts::ratio(sum, present);
}

double mean_squared_error(const Evaluated& in) {
  double sum = 0;
  for (std::size_t row = 0; row < in.labels.size(); ++row) {
    const double difference = double(in.labels[row]) - double(in.predictions[row]);
    sum += difference * difference;
  }
  return Counts::ratio(sum, static_cast<double>(in.labels.size()));
}

double r2(const Evaluated& in) {
  double mean = 0, variance = 0;
  for (float label : in.labels) mean += label;
  mean /= static_cast<double>(in.labels.size());
  for (float label : in.labels) variance += (label - mean) * (label - mean);
  const double rows = static_cast<double>(in.labels.size());
  return 1 - Counts::ratio(mean_squared_error(in) * rows, variance);
}

}  // namespace

Result<double> custom_metric(const std::string& name, const Evaluated& in) {
  if (name == "mse") return mean_squared_error(in);
  if (name == "r2") return r2(in);
  if (!in.objective.starts_with("binary:") && !in.objective.starts_with("multi:"))
    return fail("ClientError", "Metric '" + name +
                                   "' can only be applied for classification problems, not '" +
                                   in.objective + "'.");
  std::map<int, Counts> classes = count(in);
  double right = 0;
  for (const auto& [label, counts] : classes) right += counts.true_positive;
  const double accuracy = Counts::ratio(right, static_cast<double>(in.labels.size()));
  // With one label per row, micro averages equal the accuracy.
  if (name == "accuracy" || name.ends_with("_micro")) return accuracy;
  if (name == "balanced_accuracy") return balanced_accuracy(classes);
  if (name == "f1" || name == "f1_macro") return macro(classes, &Counts::f1);
  if (name == "precision_macro") return macro(classes, &Counts::precision);
  if (name == "recall_macro") return macro(classes, &Counts::recall);
  if (!in.objective.starts_with("binary:"))
    return fail("ClientError", "Metric '" + name + "' is for binary classification; use " + name +
                                   "_macro with '" + in.objective + "'.");
  if (name == "f1_binary") return classes[1].f1();
  if (name == "precision") return classes[1].precision();
  if (name == "recall") return classes[1].recall();
  return fail("ClientError", "Metric '" + name + "' is not known.");
}

}  // namespace tidemill::train::xgboost
