// What a train task may tell the engine that fits its model.
#pragma once

#include <map>
#include <string>

namespace afluente::estate {

/// What is wrong with a parameter of `train.parameters`, with the cure; "" when nothing is. Names
/// and meanings are XGBoost's. Pure.
/// Source: https://xgboost.readthedocs.io/en/release_1.7.0/parameter.html
std::string TrainParameterProblem(const std::string& name, const std::string& value);

}  // namespace afluente::estate
