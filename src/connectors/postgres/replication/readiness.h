// What a source database needs before it can be followed, asked in advance.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "connectors/postgres/catalog.h"
#include "connectors/postgres/libpq.h"
#include "estate/estate.h"

namespace afluente::postgres {

/// What is to be followed through one slot; borrowed.
struct FollowPlan {
  const estate::Connection& connection;
  std::string slot;  // And the publication.
  const std::vector<const estate::Integration*>& integrations;
};

/// One thing that stands against following, with its cure.
struct Obstacle {
  std::string integration;  // The others can be followed; "": nothing of the database can.
  ErrorKind kind = ErrorKind::kInvalidConfig;
  estate::Finding finding;
};

struct Readiness {
  std::map<std::string, RelationName> relations;  // By integration; of tables that exist.
  bool needs_text = false;  // A column that is read has no binary form that is understood.
  std::vector<Obstacle> obstacles;
};

/// Asks the server for everything that following needs: wal_level, the role's
/// REPLICATION attribute, slots and senders; per table that it exists, may be
/// read, has the columns that the integration names and sends what identifies
/// its rows; that the publication holds the tables or can be made to. Changes
/// nothing and waits for nobody's lock.
/// Errors: only of asking. What stands against following is no error.
Result<Readiness> CheckReadiness(PGconn* connection, const FollowPlan& plan);

}  // namespace afluente::postgres
