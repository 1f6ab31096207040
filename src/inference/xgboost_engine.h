// Gradient-boosted trees, in this process.
#pragma once

#include "inference/engine.h"

namespace afluente::inference {

inline constexpr const char* kXgboostName = "xgboost";

/// Lives as long as the process.
const Engine& XgboostEngine();

}  // namespace afluente::inference
