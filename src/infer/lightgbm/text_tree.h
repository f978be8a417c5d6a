// One "Tree=N" block of a LightGBM text model as a neutral tree.
#pragma once

#include "base/error.h"
#include "infer/lightgbm/text_section.h"
#include "infer/trees/ensemble.h"

namespace tidemill::infer::lightgbm {

// Tidemill.Invalid names the line that is missing or wrong.
Result<trees::Tree> read_tree(const TextSection& section, std::size_t feature_count);

}  // namespace tidemill::infer::lightgbm
