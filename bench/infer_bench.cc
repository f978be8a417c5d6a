// The tree kernel and XGBoost's C API on one model and the same rows, one thread.
//   TIDEMILL_BENCH_MODEL  an XGBoost model, JSON or UBJSON of a version that libxgboost can read;
//                         or LightGBM's text, which Tidemill alone predicts
//   TIDEMILL_BENCH_ROWS   little-endian floats, row-major, as many columns as the model has
//   features
// Predicts one row per call, then all rows per call. Exits with 1 when the predictions differ.
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "infer/lightgbm/text_model.h"
#include "infer/xgboost/booster.h"
#include "infer/xgboost/library.h"

namespace {

using namespace tidemill;
using namespace tidemill::infer;

constexpr double kTolerance = 1e-5;

std::string content_of(const char* variable) {
  const char* path = std::getenv(variable);
  std::ifstream file(path ? path : "", std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(file), {}};
  if (bytes.empty()) {
    std::fprintf(stderr, "%s names no file\n", variable);
    std::exit(1);
  }
  return bytes;
}

struct Rows {
  std::vector<float> values;
  std::size_t count = 0, columns = 0;
};

class Ours {
 public:
  explicit Ours(std::unique_ptr<Model> model) : model_(std::move(model)) {}
  void predict(const float* rows, std::size_t count) {
    out_.resize(count * model_->output_columns());
    if (!model_->predict_rows(rows, count, out_.data())) std::abort();
  }
  const float* result() const { return out_.data(); }
  const Model& model() const { return *model_; }

 private:
  std::unique_ptr<Model> model_;
  std::vector<float> out_;
};

// Uses XGBoosterPredictFromDense: in place, without a DMatrix.
class Theirs {
 public:
  Theirs(const Theirs&) = delete;
  Theirs(const std::string& model, std::size_t columns)
      : columns_(columns), library_(**xgboost::library()) {
    check(library_.XGBoosterCreate(nullptr, 0, &booster_));
    check(library_.XGBoosterLoadModelFromBuffer(booster_, model.data(), model.size()));
    check(library_.XGBoosterSetParam(booster_, "nthread", "1"));
  }
  ~Theirs() { library_.XGBoosterFree(booster_); }
  void predict(const float* rows, std::size_t count) {
    char array[160];
    std::snprintf(array, sizeof array,
                  R"({"data":[%zu,true],"shape":[%zu,%zu],"typestr":"<f4","version":3})",
                  reinterpret_cast<std::size_t>(rows), count, columns_);
    const bst_ulong* shape = nullptr;
    bst_ulong dimensions = 0;
    check(library_.XGBoosterPredictFromDense(
        booster_, array,
        R"({"type":0,"training":false,"iteration_begin":0,"iteration_end":0,)"
        R"("strict_shape":true,"missing":NaN,"cache_id":0})",
        nullptr, &shape, &dimensions, &result_));
  }
  const float* result() const { return result_; }

 private:
  void check(int code) {
    if (code == 0) return;
    std::fprintf(stderr, "XGBoost: %s\n", library_.last_error().c_str());
    std::exit(1);
  }
  std::size_t columns_;
  const xgboost::Library& library_;
  BoosterHandle booster_ = nullptr;
  const float* result_ = nullptr;
};

template <class Predictor>
void add(const std::string& name, Predictor& predictor, const Rows& rows) {
  benchmark::RegisterBenchmark((name + "/one_row").c_str(), [&](benchmark::State& state) {
    std::size_t row = 0;
    for (auto unused : state) {
      predictor.predict(rows.values.data() + row * rows.columns, 1);
      benchmark::DoNotOptimize(predictor.result());
      row = row + 1 == rows.count ? 0 : row + 1;
    }
    state.SetItemsProcessed(state.iterations());
  });
  benchmark::RegisterBenchmark((name + "/batch").c_str(), [&](benchmark::State& state) {
    for (auto unused : state) predictor.predict(rows.values.data(), rows.count);
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(rows.count));
  });
}

bool same(Ours& ours, const Theirs& theirs, const Rows& rows) {
  ours.predict(rows.values.data(), rows.count);
  for (std::size_t i = 0; i < rows.count * ours.model().output_columns(); ++i)
    if (!(std::abs(ours.result()[i] - theirs.result()[i]) <= kTolerance)) {
      std::fprintf(stderr, "value %zu: %g is not XGBoost's %g\n", i, ours.result()[i],
                   theirs.result()[i]);
      return false;
    }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string model = content_of("TIDEMILL_BENCH_MODEL");
  const std::string bytes = content_of("TIDEMILL_BENCH_ROWS");
  const bool lightgbm = lightgbm::looks_like_model(model.substr(0, 4096));
  std::vector<Ours> ours;
  std::vector<std::string> names;
  for (trees::Path path : {trees::Path::avx512, trees::Path::avx2, trees::Path::scalar}) {
    if (!trees::path_available(path)) continue;
    auto loaded = lightgbm ? lightgbm::load_model(model) : xgboost::read_booster(model, {path});
    if (!loaded) {
      std::fprintf(stderr, "%s\n", loaded.error().message.c_str());
      return 1;
    }
    ours.emplace_back(std::move(*loaded));
    names.push_back(trees::path_name(path));
    if (lightgbm) break;
  }
  Rows rows;
  rows.columns = ours[0].model().feature_count();
  rows.count = bytes.size() / sizeof(float) / rows.columns;
  rows.values.resize(rows.count * rows.columns);
  std::memcpy(rows.values.data(), bytes.data(), rows.values.size() * sizeof(float));
  std::optional<Theirs> theirs;
  if (!lightgbm) {
    theirs.emplace(model, rows.columns);
    theirs->predict(rows.values.data(), rows.count);
    for (Ours& each : ours)
      if (!same(each, *theirs, rows)) return 1;
  }
  for (std::size_t i = 0; i < ours.size(); ++i) add(names[i], ours[i], rows);
  if (theirs) add("xgboost", *theirs, rows);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
