// SQL that prints a value on both sides in the same way.
#pragma once

#include <string>

#include "integration/type_corpus.h"

namespace afluente::test {

/// PostgreSQL's own text of column v.
std::string PgText(const TypeCase& type_case);

/// The DuckDB expression that rebuilds that text from column v of the case's
/// natural type. A column that arrived as VARCHAR needs none of this.
std::string DuckText(const TypeCase& type_case);

}  // namespace afluente::test
