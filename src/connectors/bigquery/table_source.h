// A table of BigQuery as a Source, by the Storage Read API.
#pragma once

#include <memory>
#include <stop_token>

#include "base/clock.h"
#include "base/result.h"
#include "connectors/bigquery/client.h"
#include "connectors/bigquery/storage.h"
#include "estate/estate.h"
#include "pipeline/progress.h"
#include "pipeline/source.h"

namespace afluente::bigquery {

/// Opens `integration`'s warehouse table: one state of it, the selected columns, the rows that meet
/// `where` (GoogleSQL without subqueries), a lane for each of the streams that BigQuery gives.
/// Reads cost what they send. The table's project pays. Borrows client and progress; `reads` is
/// shared. Errors: kNotFound for a table or column; kSchemaMismatch, with the cure, for a column
/// whose type does not travel (STRUCT, GEOGRAPHY, RANGE); kInvalidConfig for mode incremental.
Result<std::unique_ptr<pipeline::Source>> OpenTableSource(Client& client,
                                                          std::shared_ptr<TableReads> reads,
                                                          const estate::Integration& integration,
                                                          pipeline::Progress& progress,
                                                          const std::stop_token& stop);

/// The Storage Read API of this machine: BIGQUERY_STORAGE_EMULATOR_HOST (HOST:PORT) without
/// credentials, or Google's with those of google::DefaultCredentials. Borrows the clock.
Result<std::shared_ptr<TableReads>> OpenReads(const Clock& clock);

}  // namespace afluente::bigquery
