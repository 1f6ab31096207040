// What an integration does to rows in flight, as one SELECT that DuckDB runs over them.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "data/logical_type.h"
#include "estate/estate.h"

namespace afluente::pipeline {

/// The name of the scalar function that `mask: hash` calls; the warehouse's
/// connection registers it with the estate's salt, which never stands in SQL.
constexpr const char* kMaskHashFunction = "afluente_mask_hash";

/// The SELECT over `lane` (an SQL table expression that yields source rows):
/// first renames, masks and casts, then the integration's transform, which
/// sees the result as `batch`. A transform therefore never sees what a mask
/// hides.
std::string ShapingSelect(const estate::Integration& integration, const data::Schema& source,
                          const std::string& lane);

/// Whether the SELECT can fail on a row: by a cast or by the transform.
bool ShapingCanFail(const estate::Integration& integration);

/// Whether source column `column` is read, as `include` and `exclude` say.
bool IsSelected(const std::string& column, const estate::Integration& integration);

/// kNotFound, with the nearest name, for a column rule of `integration` that is for none of
/// `columns`, those of `what`.
Status CheckColumnRules(const std::vector<std::string>& columns, const std::string& what,
                        const estate::Integration& integration);

/// The name under which source column `column` arrives.
std::string ArrivesAs(const std::string& column, const estate::Integration& integration);

/// The source column that arrives under `name`.
std::string ComesFrom(const std::string& name, const estate::Integration& integration);

/// What the rule of source column `column` makes of a value of it that stands
/// in the column `from`: masked or cast, without a name. `from` is quoted inside.
std::string ColumnValue(const estate::Integration& integration, const std::string& column,
                        const std::string& from);

/// The same of a column of a key, to find a row by it: NULL instead of an error. Under
/// a value that the destination's type cannot hold no row stands.
std::string KeyValue(const estate::Integration& integration, const std::string& column,
                     const std::string& from);

/// KeyValue of each column of `key`, renamed, for a SELECT.
std::string KeyList(const estate::Integration& integration, const data::Schema& key);

/// The columns of `source`, renamed, masked and cast, for a SELECT.
std::string ColumnList(const estate::Integration& integration, const data::Schema& source);

/// The expression that yields column `name` masked; `name` is quoted inside.
std::string MaskExpression(estate::Mask mask, const std::string& name);

}  // namespace afluente::pipeline
