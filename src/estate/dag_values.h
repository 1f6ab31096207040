// What a run of a DAG may be told, and what the texts of its tasks may name.
#pragma once

#include <map>
#include <string>

#include "base/result.h"
#include "estate/model_values.h"

namespace afluente::estate {

/// What is wrong with a parameter's text; "" when it fits.
std::string ParameterProblem(ParameterType type, const std::string& text);

/// What is `given`, and the defaults of the others.
/// Errors: kInvalidConfig for a name that the DAG does not have (with the nearest), one without a
/// default that is missing, a text that does not fit its type.
Result<std::map<std::string, std::string>> FillParameters(
    const Dag& dag, const std::map<std::string, std::string>& given);

/// ModelValues, "run.id", and "params.NAME" for each of `params` that the DAG has.
TemplateValues DagValues(const Estate& estate, const Dag& dag, const Interval& interval,
                         const std::string& run, const std::map<std::string, std::string>& params);

}  // namespace afluente::estate
