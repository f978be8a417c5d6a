// Decodes request bodies and encodes scores: the cost of InvokeEndpoint besides the prediction, for
// one row of 28 features and for 1,000 rows, in each format.
#include <benchmark/benchmark.h>

#include <charconv>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "infer/codec/codec.h"

namespace {

using namespace tidemill;
using namespace tidemill::infer;

constexpr std::size_t kFeatures = 28;

class ScoreModel final : public Model {
 public:
  Result<void> predict_rows(const float*, std::size_t, float*) const override { return {}; }
  std::size_t output_columns() const override { return 1; }
  std::size_t memory_bytes() const override { return 0; }
  std::size_t feature_count() const override { return kFeatures; }
  const std::string& objective() const override { return objective_; }
  std::size_t class_count() const override { return 0; }

 private:
  std::string objective_ = "binary:logistic";
};

// Values like those of typical tables: measurements with 9 digits, small counts, flags.
std::vector<float> features(std::size_t rows) {
  std::mt19937 random(7);
  std::normal_distribution<float> measured(0.0f, 3.0f);
  std::vector<float> values;
  for (std::size_t i = 0; i < rows * kFeatures; ++i) {
    const bool whole = i % 4 == 3;
    values.push_back(whole ? static_cast<float>(random() % 500) : measured(random));
  }
  return values;
}

void append(float value, std::string& out) {
  char text[32];
  out.append(text, std::to_chars(text, text + sizeof text, value).ptr);
}

std::string csv(std::size_t rows) {
  const std::vector<float> values = features(rows);
  std::string out;
  for (std::size_t i = 0; i < values.size(); ++i) {
    append(values[i], out);
    out += (i + 1) % kFeatures == 0 ? '\n' : ',';
  }
  return out;
}

std::string json(std::size_t rows) {
  const std::vector<float> values = features(rows);
  std::string out = "{\"instances\": [";
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i % kFeatures == 0) out += i == 0 ? "[" : "], [";
    if (i % kFeatures != 0) out += ", ";
    append(values[i], out);
  }
  return out + "]]}";
}

std::string json_lines(std::size_t rows) {
  const std::vector<float> values = features(rows);
  std::string out;
  for (std::size_t i = 0; i < values.size(); ++i) {
    out += i % kFeatures == 0 ? "{\"features\": [" : ", ";
    append(values[i], out);
    if ((i + 1) % kFeatures == 0) out += "]}\n";
  }
  return out;
}

std::string libsvm(std::size_t rows) {
  const std::vector<float> values = features(rows);
  std::string out;
  for (std::size_t i = 0; i < values.size(); ++i) {
    out += std::to_string(i % kFeatures) + ":";
    append(values[i], out);
    out += (i + 1) % kFeatures == 0 ? '\n' : ' ';
  }
  return out;
}

std::string npy(std::size_t rows) {
  const std::vector<float> values = features(rows);
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" +
                       std::to_string(rows) + ", " + std::to_string(kFeatures) + "), }\n";
  std::string out("\x93NUMPY\x01\x00", 8);
  out += static_cast<char>(header.size());
  out += '\0';
  out += header;
  return out.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
}

void run(benchmark::State& state, const char* type, std::string (*make)(std::size_t)) {
  const auto rows = static_cast<std::size_t>(state.range(0));
  const std::string body = make(rows);
  const ScoreModel model;
  Predictions scores{rows, 1, features(rows)};
  scores.values.resize(rows);
  for (auto _ : state) {
    Result<Matrix> matrix = decode_rows(type, body, kFeatures);
    if (!matrix || matrix->values.size() != rows * kFeatures) {
      state.SkipWithError(matrix ? "wrong size" : matrix.error().message.c_str());
      break;
    }
    const char* accept = std::strcmp(type, "application/json") == 0 ? type : "text/csv";
    Result<EncodedResponse> response = encode_predictions(scores, model, accept, {});
    benchmark::DoNotOptimize(response);
  }
  state.counters["a_row"] =
      benchmark::Counter(static_cast<double>(rows), benchmark::Counter::kIsIterationInvariantRate |
                                                        benchmark::Counter::kInvert);
}

void encode(benchmark::State& state, const char* accept) {
  const auto rows = static_cast<std::size_t>(state.range(0));
  const ScoreModel model;
  Predictions scores{rows, 1, features(rows)};
  scores.values.resize(rows);
  for (auto _ : state) {
    Result<EncodedResponse> response = encode_predictions(scores, model, accept, {});
    benchmark::DoNotOptimize(response);
  }
  state.counters["a_row"] =
      benchmark::Counter(static_cast<double>(rows), benchmark::Counter::kIsIterationInvariantRate |
                                                        benchmark::Counter::kInvert);
}

BENCHMARK_CAPTURE(encode, csv, "text/csv")->Arg(1)->Arg(1000);
BENCHMARK_CAPTURE(encode, json, "application/json")->Arg(1)->Arg(1000);
BENCHMARK_CAPTURE(run, csv, "text/csv", csv)->Arg(1)->Arg(1000);
BENCHMARK_CAPTURE(run, json, "application/json", json)->Arg(1)->Arg(1000);
BENCHMARK_CAPTURE(run, json_lines, "application/jsonlines", json_lines)->Arg(1)->Arg(1000);
BENCHMARK_CAPTURE(run, libsvm, "text/libsvm", libsvm)->Arg(1)->Arg(1000);
BENCHMARK_CAPTURE(run, npy, "application/x-npy", npy)->Arg(1)->Arg(1000);

}  // namespace

BENCHMARK_MAIN();
