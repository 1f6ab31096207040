// One text per row and one row per text: what hashes of rows are taken over.
#pragma once

#include <string>
#include <vector>

#include "connectors/duckdb/evolution.h"

namespace afluente::duck {

/// SQL that yields the text of a row of `columns`, each with its DuckDB type,
/// behind `prefix`.
/// Injective: two rows have one text only if they print the same in every
/// column (-0.0 and 0.0, '1 month' and '30 days' do not). Strings stand behind
/// their length; all else ends in ';', which none of it contains.
std::string RowText(const std::string& prefix, const std::vector<TableColumn>& columns);

}  // namespace afluente::duck
