// A warehouse table as a Source: for reverse ETL, for other tables, for the lake.
#pragma once

#include <memory>

#include "connectors/duckdb/warehouse.h"
#include "estate/estate.h"
#include "pipeline/progress.h"
#include "pipeline/source.h"

namespace afluente::duck {

/// Opens `integration`'s warehouse table, all of its rows that meet `where`.
/// Lanes are ranges of rows, each an SQL expression (data::BatchReader::sql):
/// rows never leave DuckDB before the sink takes them. Types that do not travel become their
/// nearest ones: small and unsigned integers wider ones, enums, bits and huge
/// integers text, structs, maps and unions JSON.
/// Borrows the warehouse. Errors: kNotFound for a table or a column, with the
/// nearest name; kInvalidConfig for mode incremental.
Result<std::unique_ptr<pipeline::Source>> OpenTableSource(Warehouse& warehouse,
                                                          const estate::Integration& integration,
                                                          pipeline::Progress& progress);

}  // namespace afluente::duck
