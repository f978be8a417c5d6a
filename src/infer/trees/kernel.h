// A tree ensemble compiled for prediction: immutable and thread-safe, with no locks and no
// allocations per row.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>

#include "base/error.h"
#include "infer/trees/ensemble.h"

namespace tidemill::infer::trees {

// Which instructions a kernel uses. Every path gives the same sums, bit for bit.
enum class Path { scalar, avx2, avx512 };
bool path_available(Path path);
const char* path_name(Path path);

struct CompileOptions {
  std::optional<Path> path = {};  // the best one of this CPU, if not given
};

class Kernel {
 public:
  virtual ~Kernel() = default;
  // Row i begins at rows + i * stride (in floats) and has feature_count() values; NaN is missing.
  // margins: count * output_count() numbers. The double form keeps every digit of ensembles that
  // are summed in double; the float form rounds once, at the end.
  virtual void predict(const float* rows, std::size_t count, std::size_t stride,
                       float* margins) const = 0;
  virtual void predict(const float* rows, std::size_t count, std::size_t stride,
                       double* margins) const = 0;
  virtual std::size_t feature_count() const = 0;
  virtual std::size_t output_count() const = 0;
  virtual std::size_t memory_bytes() const = 0;
  virtual Path path() const = 0;
};

// Copies what it needs from the ensemble. Tidemill.Invalid for ensembles that check_ensemble()
// refuses, or when this CPU lacks the requested path.
Result<std::unique_ptr<const Kernel>> compile(const Ensemble& ensemble,
                                              const CompileOptions& options = {});

}  // namespace tidemill::infer::trees
