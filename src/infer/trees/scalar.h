// The scalar path: several trees side by side, node by node.
#pragma once

#include <memory>

#include "infer/trees/kernel.h"

namespace tidemill::infer::trees {

// `ensemble` must have been checked.
template <class T>
std::unique_ptr<const Kernel> make_scalar_kernel(const Ensemble& ensemble);

extern template std::unique_ptr<const Kernel> make_scalar_kernel<float>(const Ensemble&);
extern template std::unique_ptr<const Kernel> make_scalar_kernel<double>(const Ensemble&);

}  // namespace tidemill::infer::trees
