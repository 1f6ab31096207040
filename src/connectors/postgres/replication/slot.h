// Publication and slot of a source database that is followed: named, read, made, dropped.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "connectors/postgres/catalog.h"
#include "connectors/postgres/libpq.h"
#include "connectors/postgres/replication/lsn.h"

namespace afluente::postgres {

/// The name of the publication and of the slot of an estate in one database:
/// "afluente_movva_rapidpro". At most 63 characters of [a-z0-9_].
std::string ReplicationName(const std::string& estate, const std::string& connection);

/// The name of the publication beside `name` through which tables without a key
/// come, whose inserts alone are followed. In a publication that publishes updates
/// the server would refuse them to everybody.
std::string InsertsPublication(const std::string& name);

/// The oids of the tables that the publication holds; none if there is none.
Result<std::set<std::string>> PublishedTables(PGconn* connection, const std::string& name);

struct Publication {
  std::string name;
  bool exists = false;
  bool via_root = true;          // Changes of partitions come as those of their table.
  bool is_ours = false;          // We may change it.
  bool inserts_only = false;     // Made so that it publishes inserts and TRUNCATE alone.
  std::set<std::string> tables;  // Oids.
};
/// One that does not exist: as it is to be made.
Result<Publication> ReadPublication(PGconn* connection, const std::string& name,
                                    bool inserts_only = false);

/// What makes the publication, and makes it hold `tables`; "": it does.
std::string PublicationSql(const Publication& publication, const std::vector<RelationName>& tables);

/// Makes the publication, or adds the tables that it lacks. Whether we may is
/// told in advance by CheckReadiness.
Status EnsurePublication(PGconn* connection, const std::string& name,
                         const std::vector<RelationName>& tables, bool inserts_only = false);

/// Takes `tables` out of the publication where it holds them.
Status Unpublish(PGconn* connection, const std::string& name,
                 const std::vector<RelationName>& tables);

/// Whether the role may make publications in this database.
Result<bool> MayPublish(PGconn* connection);

struct SlotState {
  Lsn confirmed;                    // The server has forgotten what committed before it.
  bool active = false;              // Somebody streams it.
  std::string wal_status;           // reserved, extended, unreserved or lost.
  std::int64_t retained_bytes = 0;  // Log that is kept for it.
};

/// nullopt: there is no such slot.
Result<std::optional<SlotState>> ReadSlot(PGconn* connection, const std::string& name);

/// Errors: kTransient while somebody streams it.
Status DropSlot(PGconn* connection, const std::string& name);

/// The prefix of messages by which somebody asks that the place be stored soon.
constexpr const char* kMarkPrefix = "afluente";

/// The prefix of the message that a transaction of ours carries, which writes into
/// tables: it stands before the changes.
constexpr const char* kOriginPrefix = "afluente.origin";

/// Writes an empty message of ours into the log and returns its place: whoever
/// has read up to it has read all that had been committed. Its commit flushes
/// the log, so that what was committed asynchronously is sent too. Where
/// nothing can be written (a standby) the log's end is returned.
Result<Lsn> MarkLsn(PGconn* connection);

/// The end of the log as it is now.
Result<Lsn> CurrentLsn(PGconn* connection);

}  // namespace afluente::postgres
