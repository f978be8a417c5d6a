#include "infer/trees/kernel.h"

#include <string>

#include "infer/trees/scalar.h"

namespace tidemill::infer::trees {
namespace {

Path best_path() {
  for (Path path : {Path::avx512, Path::avx2})
    if (path_available(path)) return path;
  return Path::scalar;
}

}  // namespace

bool path_available(Path path) { return path == Path::scalar; }

const char* path_name(Path path) {
  return path == Path::scalar ? "scalar" : path == Path::avx2 ? "avx2" : "avx512";
}

Result<std::unique_ptr<const Kernel>> compile(const Ensemble& ensemble,
                                              const CompileOptions& options) {
  TRY(check_ensemble(ensemble));
  const Path path = options.path.value_or(best_path());
  if (!path_available(path))
    return fail(codes::kInvalid, std::string("this CPU has no ") + path_name(path));
  return ensemble.sum_in_double ? make_scalar_kernel<double>(ensemble)
                                : make_scalar_kernel<float>(ensemble);
}

}  // namespace tidemill::infer::trees
