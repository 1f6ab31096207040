// How far an integration has been written, in the database that holds the rows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "connectors/postgres/libpq.h"

namespace afluente::postgres {

/// A row of afluente.checkpoints: the position of one integration, written in
/// each transaction that writes its rows.
struct DestinationPosition {
  std::string run;                      // The same word as in duck::SentRecord.
  std::int64_t through = -1;            // The number of the run's last row that is there.
  std::vector<std::int64_t> set_aside;  // Rows of the last transaction that were refused.
};

/// Makes schema and table when they are missing.
/// Errors: kUnauthorized with the SQL that somebody with more rights must run.
Status EnsureCheckpoints(PGconn* connection);

/// nullopt: none, or one that cannot be understood.
Result<std::optional<DestinationPosition>> ReadDestinationPosition(PGconn* connection,
                                                                   const std::string& integration);

/// Belongs inside the transaction that writes the rows.
Status WriteDestinationPosition(PGconn* connection, const std::string& integration,
                                const DestinationPosition& position);

}  // namespace afluente::postgres
