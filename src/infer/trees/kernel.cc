#include "infer/trees/kernel.h"

#include <string>

#include "infer/trees/scalar.h"
#include "infer/trees/vector_kernel.h"

namespace tidemill::infer::trees {
namespace {

Path best_path() {
  for (Path path : {Path::avx512, Path::avx2})
    if (path_available(path)) return path;
  return Path::scalar;
}

const VectorPath* vector_path(Path path) {
  return path == Path::avx2 ? avx2_path() : path == Path::avx512 ? avx512_path() : nullptr;
}

template <class T>
std::unique_ptr<const Kernel> make(const Ensemble& ensemble, Path path) {
  const VectorPath* functions = vector_path(path);
  return functions ? make_vector_kernel<T>(ensemble, path, *functions)
                   : make_scalar_kernel<T>(ensemble);
}

}  // namespace

bool path_available(Path path) { return path == Path::scalar || vector_path(path); }

const char* path_name(Path path) {
  return path == Path::scalar ? "scalar" : path == Path::avx2 ? "avx2" : "avx512";
}

Result<std::unique_ptr<const Kernel>> compile(const Ensemble& ensemble,
                                              const CompileOptions& options) {
  TRY(check_ensemble(ensemble));
  const Path path = options.path.value_or(best_path());
  if (!path_available(path))
    return fail(codes::kInvalid, std::string("this CPU has no ") + path_name(path));
  return ensemble.sum_in_double ? make<double>(ensemble, path) : make<float>(ensemble, path);
}

}  // namespace tidemill::infer::trees
