// XGBoost's C API with owned handles: the only header that includes <xgboost/c_api.h>.
#pragma once

#include <xgboost/c_api.h>

#include <string>

#include "base/c_handle.h"
#include "base/result.h"

namespace afluente::inference {

/// The functions of the library that are used, under their names without the prefix. It is loaded
/// when a model is first trained or read: mapped into every process it would cost each of them four
/// megabytes.
struct XgbApi {
  // NOLINTBEGIN(readability-identifier-naming): the library's names.
  decltype(&::XGBGetLastError) GetLastError = nullptr;
  decltype(&::XGBoosterBoostedRounds) BoosterBoostedRounds = nullptr;
  decltype(&::XGBoosterCreate) BoosterCreate = nullptr;
  decltype(&::XGBoosterEvalOneIter) BoosterEvalOneIter = nullptr;
  decltype(&::XGBoosterFeatureScore) BoosterFeatureScore = nullptr;
  decltype(&::XGBoosterFree) BoosterFree = nullptr;
  decltype(&::XGBoosterGetNumFeature) BoosterGetNumFeature = nullptr;
  decltype(&::XGBoosterLoadModelFromBuffer) BoosterLoadModelFromBuffer = nullptr;
  decltype(&::XGBoosterPredictFromDense) BoosterPredictFromDense = nullptr;
  decltype(&::XGBoosterSaveModelToBuffer) BoosterSaveModelToBuffer = nullptr;
  decltype(&::XGBoosterSetParam) BoosterSetParam = nullptr;
  decltype(&::XGBoosterSlice) BoosterSlice = nullptr;
  decltype(&::XGBoosterUpdateOneIter) BoosterUpdateOneIter = nullptr;
  decltype(&::XGDMatrixCreateFromDense) MatrixCreateFromDense = nullptr;
  decltype(&::XGDMatrixFree) MatrixFree = nullptr;
  decltype(&::XGDMatrixSetFloatInfo) MatrixSetFloatInfo = nullptr;
  // NOLINTEND(readability-identifier-naming)
};

/// Loads the library, once a process. Thread-safe. Errors: kInternal, with the cure, when this
/// machine does not have it.
Status LoadXgb();

/// What LoadXgb has loaded: nothing may be called before it has succeeded. Thread-safe.
const XgbApi& Xgb();

inline void FreeBooster(BoosterHandle* handle) {
  if (*handle != nullptr) Xgb().BoosterFree(*handle);
}
inline void FreeMatrix(DMatrixHandle* handle) {
  if (*handle != nullptr) Xgb().MatrixFree(*handle);
}
using XgbBooster = Handle<BoosterHandle, FreeBooster>;
using XgbMatrix = Handle<DMatrixHandle, FreeMatrix>;

/// What a call answered: 0 is success. Errors: kInternal with the first line of XGBoost's text.
inline Status CheckXgb(int answer) {
  if (answer == 0) return Done{};
  const std::string text = Xgb().GetLastError();
  return Error(ErrorKind::kInternal, "XGBoost: " + text.substr(0, text.find('\n')));
}

}  // namespace afluente::inference
