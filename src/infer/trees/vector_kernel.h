// The vector paths' kernel: prepared rows, chunks of trees, sums in order.
#pragma once

#include <memory>

#include "infer/trees/kernel.h"
#include "infer/trees/vector_path.h"

namespace tidemill::infer::trees {

// `ensemble` must have been checked.
template <class T>
std::unique_ptr<const Kernel> make_vector_kernel(const Ensemble& ensemble, Path path,
                                                 const VectorPath& functions);

extern template std::unique_ptr<const Kernel> make_vector_kernel<float>(const Ensemble&, Path,
                                                                        const VectorPath&);
extern template std::unique_ptr<const Kernel> make_vector_kernel<double>(const Ensemble&, Path,
                                                                         const VectorPath&);

}  // namespace tidemill::infer::trees
