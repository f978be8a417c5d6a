// libxgboost, opened at first use, so that it costs a server without such models neither start time
// nor memory.
#pragma once

#include <xgboost/c_api.h>

#include <string>

#include "base/error.h"

namespace tidemill::infer::xgboost {

// The functions of XGBoost's C API that Tidemill calls.
// clang-format off: it never settles on this list.
#define TIDEMILL_XGBOOST_FUNCTIONS(X) \
  X(XGBoostVersion) \
  X(XGBGetLastError) \
  X(XGBSetGlobalConfig) \
  X(XGDMatrixCreateFromMat) \
  X(XGDMatrixCreateFromCSREx) \
  X(XGDMatrixSetFloatInfo) \
  X(XGDMatrixFree) \
  X(XGBoosterCreate) \
  X(XGBoosterFree) \
  X(XGBoosterSetParam) \
  X(XGBoosterGetNumFeature) \
  X(XGBoosterBoostedRounds) \
  X(XGBoosterUpdateOneIter) \
  X(XGBoosterEvalOneIter) \
  X(XGBoosterPredictFromDMatrix) \
  X(XGBoosterPredictFromDense) \
  X(XGBoosterLoadModel) \
  X(XGBoosterLoadModelFromBuffer) \
  X(XGBoosterSaveModel) \
  X(XGBoosterSaveModelToBuffer) \
  X(XGBoosterUnserializeFromBuffer) \
  X(XGBoosterSaveJsonConfig) \
  X(XGBoosterGetAttr) \
  X(XGBoosterSetAttr) \
  X(XGBoosterSlice) \
  X(XGDMatrixSetUIntInfo)
// clang-format on

struct Library {
#define TIDEMILL_XGBOOST_MEMBER(name) decltype(&::name) name = nullptr;
  TIDEMILL_XGBOOST_FUNCTIONS(TIDEMILL_XGBOOST_MEMBER)
#undef TIDEMILL_XGBOOST_MEMBER

  // The last error on this thread, without XGBoost's stack trace.
  std::string last_error() const;
};

// Opened once for the whole process; never closed, since OpenMP's threads outlive a dlclose.
// Tidemill.NotFound when the library is not installed.
Result<const Library*> library();

}  // namespace tidemill::infer::xgboost
