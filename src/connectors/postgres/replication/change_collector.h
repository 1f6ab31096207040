// Where the changes of one table are collected until somebody takes them.
#pragma once

#include <cstdint>
#include <memory>

#include "base/result.h"
#include "connectors/postgres/replication/lsn.h"
#include "connectors/postgres/replication/pgoutput.h"
#include "pipeline/changes.h"

namespace afluente::postgres {

struct TableShape;

/// When a change happened.
struct ChangeMoment {
  Lsn commit;                // Of its transaction.
  PostgresMicros time = 0;   // Of the commit.
  std::int64_t ordinal = 0;  // Its place in the transaction.
  bool has_origin = false;   // Its transaction was not this database's own work.
};

/// Takes the changes of one table in, in their order, and hands them out as the
/// integration's form wants them. Owns the bytes of what it keeps. One thread
/// at a time.
class ChangeCollector {
 public:
  virtual ~ChangeCollector() = default;

  /// Takes an insert, update, delete or truncate in. Returns how many places of
  /// the transaction's order it takes, from `moment.ordinal` on.
  /// Errors: kSchemaMismatch for an update or delete that does not say which
  /// row it means; kInternal for a tuple with other columns than before.
  virtual Result<int> Add(const Message& change, const ChangeMoment& moment) = 0;

  virtual bool empty() const = 0;
  /// Memory that the changes take, about.
  virtual std::size_t bytes() const = 0;
  /// How many were taken in.
  virtual std::uint64_t changes() const = 0;

  /// What was collected. The collector is spent.
  virtual std::unique_ptr<pipeline::TableChanges> Take() = 0;
};

/// As the integration's form wants it. The integration is borrowed.
std::unique_ptr<ChangeCollector> MakeCollector(const estate::Integration& integration,
                                               std::shared_ptr<const TableShape> shape);

}  // namespace afluente::postgres
