#include "inference/xgboost_api.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <mutex>
#include <type_traits>

namespace afluente::inference {
namespace {

// Written once, under LoadXgb's lock.
XgbApi& Api() {
  static XgbApi api;
  return api;
}

Status Load(XgbApi& api) {
  // Never unloaded: its thread pool outlives every use of it.
  void* library = dlopen(AFLUENTE_XGBOOST, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (library == nullptr) {
    return Error(ErrorKind::kInternal,
                 fmt::format("models are trained and scored by XGBoost, which this machine does "
                             "not have; install Debian's libxgboost0: {}",
                             dlerror()));
  }
  std::string missing;
  const auto find = [&](const char* name, auto& function) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(library, name));
    if (function == nullptr) missing = name;
  };
  find("XGBGetLastError", api.GetLastError);
  find("XGBoosterBoostedRounds", api.BoosterBoostedRounds);
  find("XGBoosterCreate", api.BoosterCreate);
  find("XGBoosterEvalOneIter", api.BoosterEvalOneIter);
  find("XGBoosterFeatureScore", api.BoosterFeatureScore);
  find("XGBoosterFree", api.BoosterFree);
  find("XGBoosterGetNumFeature", api.BoosterGetNumFeature);
  find("XGBoosterLoadModelFromBuffer", api.BoosterLoadModelFromBuffer);
  find("XGBoosterPredictFromDense", api.BoosterPredictFromDense);
  find("XGBoosterSaveModelToBuffer", api.BoosterSaveModelToBuffer);
  find("XGBoosterSetParam", api.BoosterSetParam);
  find("XGBoosterSlice", api.BoosterSlice);
  find("XGBoosterUpdateOneIter", api.BoosterUpdateOneIter);
  find("XGDMatrixCreateFromDense", api.MatrixCreateFromDense);
  find("XGDMatrixFree", api.MatrixFree);
  find("XGDMatrixSetFloatInfo", api.MatrixSetFloatInfo);
  if (missing.empty()) return Done{};
  return Error(ErrorKind::kInternal,
               fmt::format("{} has no {}: another version of it", AFLUENTE_XGBOOST, missing));
}

}  // namespace

Status LoadXgb() {
  static std::mutex mutex;
  static bool is_loaded = false;
  const std::lock_guard lock(mutex);
  if (!is_loaded) AFL_TRY(Load(Api()));
  is_loaded = true;
  return Done{};
}

const XgbApi& Xgb() { return Api(); }

}  // namespace afluente::inference
