// XGBoost's C API with owned handles: the only header that includes <xgboost/c_api.h>.
#pragma once

#include <xgboost/c_api.h>

#include <string>

#include "base/c_handle.h"
#include "base/result.h"

namespace afluente::inference {

inline void FreeBooster(BoosterHandle* handle) {
  if (*handle != nullptr) XGBoosterFree(*handle);
}
inline void FreeMatrix(DMatrixHandle* handle) {
  if (*handle != nullptr) XGDMatrixFree(*handle);
}
using XgbBooster = Handle<BoosterHandle, FreeBooster>;
using XgbMatrix = Handle<DMatrixHandle, FreeMatrix>;

/// What a call answered: 0 is success. Errors: kInternal with the first line of XGBoost's text.
inline Status CheckXgb(int answer) {
  if (answer == 0) return Done{};
  const std::string text = XGBGetLastError();
  return Error(ErrorKind::kInternal, "XGBoost: " + text.substr(0, text.find('\n')));
}

}  // namespace afluente::inference
