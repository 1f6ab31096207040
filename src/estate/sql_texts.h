// SQL texts as they stand in YAML: only what can be said without a server. The servers judge the
// rest.
#pragma once

#include <string>

namespace afluente::estate {

/// What is wrong with a text that should be one SELECT of any dialect; "" when
/// nothing is.
std::string SelectProblem(const std::string& sql);

/// The same for `SELECT ... FROM batch` in DuckDB's dialect.
std::string TransformProblem(const std::string& sql);

/// The same for a condition, which stands behind WHERE.
std::string ConditionProblem(const std::string& sql);

/// The same for a column's type: a DuckDB type, or "text".
std::string ColumnTypeProblem(const std::string& type);

}  // namespace afluente::estate
