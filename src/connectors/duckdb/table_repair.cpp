#include "connectors/duckdb/table_repair.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/names.h"
#include "connectors/duckdb/checkpoints.h"
#include "connectors/duckdb/lane_function.h"
#include "pipeline/form.h"
#include "pipeline/shaping.h"

namespace afluente::duck {
namespace {

class Repair {
 public:
  Repair(Warehouse& warehouse, duckdb_connection connection, const estate::Integration& integration,
         const CopyMoment& moment, const FoundRows& found)
      : warehouse_(warehouse),
        connection_(connection),
        integration_(integration),
        moment_(moment),
        found_(found),
        target_(SqlName(*integration.destination.table)),
        taken_at_("TIMESTAMPTZ " + QuoteLiteral(FormatRfc3339(moment.taken_at))) {}

  Status Run() {
    switch (integration_.form) {
      case estate::Form::kMirror:
        AFL_TRY(DeleteKeys());
        return InsertRows("");
      case estate::Form::kSoftDelete:
        AFL_TRY(MarkExtraRows());
        return InsertRows(", NULL::TIMESTAMPTZ AS _deleted_at");
      case estate::Form::kHistory:
        return AppendChanges();
    }
    return Done{};
  }

 private:
  Status Execute(const std::string& sql) { return data::Execute(connection_, sql); }

  // The keys among those found; `which` narrows them: "source_hash IS NULL".
  std::string IsFound(const std::string& which = "true") const {
    return fmt::format("{} IN (SELECT key_hash FROM {} WHERE {})", found_.key_hash, found_.keys,
                       which);
  }

  Status DeleteKeys() {
    return Execute(fmt::format("DELETE FROM {} WHERE {}", target_, IsFound()));
  }

  // One row a key stays, whatever stood there before.
  Status MarkExtraRows() {
    AFL_TRY(Execute(fmt::format(
        "CREATE OR REPLACE TEMP TABLE _afluente_marked AS SELECT * REPLACE ({} AS _deleted_at) "
        "FROM {} WHERE _deleted_at IS NULL AND {} QUALIFY row_number() OVER (PARTITION BY {}) = 1",
        taken_at_, target_, IsFound("source_hash IS NULL"), found_.key_hash)));
    AFL_TRY(DeleteKeys());
    return Execute(
        fmt::format("INSERT INTO {} SELECT * FROM temp._afluente_marked; DROP TABLE "
                    "temp._afluente_marked",
                    target_));
  }

  // A copy may stand at the same place of the log.
  Status AppendChanges() {
    const std::string lsn = QuoteLiteral(moment_.lsn);
    const auto added = [&](std::string_view op) {
      return fmt::format(
          ", {} AS _op, {} AS _lsn, row_number() OVER () + (SELECT coalesce(max(_ordinal), 0) FROM "
          "{} WHERE _lsn = {}) AS _ordinal, {} AS _committed_at",
          QuoteLiteral(op), lsn, target_, lsn, taken_at_);
    };
    std::vector<std::string> key;
    for (const std::string& name : moment_.key) key.push_back(QuoteIdentifier(name));
    AFL_TRY(Execute(fmt::format("INSERT INTO {} BY NAME SELECT {}{} FROM {} WHERE {}", target_,
                                fmt::join(key, ", "), added(pipeline::kDeleteOp),
                                pipeline::CurrentRows(integration_.form, target_, moment_.key),
                                IsFound("source_hash IS NULL"))));
    return InsertRows(added(pipeline::kSnapshotOp));
  }

  Status InsertRows(const std::string& added) {
    std::vector<std::string> columns;
    for (const std::string& name : found_.columns) columns.push_back(QuoteIdentifier(name));
    const LaneTable lane(warehouse_.lanes(), &found_.rows, found_.schema, found_.row_count);
    const auto done = data::Query(
        connection_, fmt::format("INSERT INTO {} BY NAME SELECT {}{} FROM ({})", target_,
                                 fmt::join(columns, ", "), added,
                                 pipeline::ShapingSelect(integration_, found_.schema, lane.sql())));
    if (done.ok()) return Done{};
    if (auto failure = lane.failure()) return *std::move(failure);
    return done.error();
  }

  Warehouse& warehouse_;
  duckdb_connection connection_;
  const estate::Integration& integration_;
  const CopyMoment& moment_;
  const FoundRows& found_;
  const std::string target_;
  const std::string taken_at_;
};

}  // namespace

Result<std::string> WhyNotRepaired(duckdb_connection connection,
                                   const estate::Integration& integration,
                                   const CopyMoment& moment) {
  if (integration.form != estate::Form::kHistory) return std::string();
  AFL_ASSIGN(const auto last,
             data::QueryCells(connection, fmt::format("SELECT coalesce(max(_lsn), '') FROM {}",
                                                      SqlName(*integration.destination.table))));
  if (last.front().front().text <= moment.lsn) return std::string();
  return fmt::format("its history goes up to {}, and the source's log stands at {}",
                     last.front().front().text, moment.lsn);
}

Status ApplyRepair(Warehouse& warehouse, duckdb_connection connection,
                   const estate::Integration& integration, const CopyMoment& moment,
                   const FoundRows& found, const data::Position& position) {
  const estate::TableAddress& table = *integration.destination.table;
  AFL_TRY(data::Execute(connection, "BEGIN"));
  const Status done = [&]() -> Status {
    if (found.key_count > 0) {
      AFL_TRY(Repair(warehouse, connection, integration, moment, found).Run());
    }
    AFL_ASSIGN(const auto letters,
               NotYetTold(connection, table, integration.name, found.dead_letters()));
    AFL_TRY(WriteDeadLetters(connection, table, integration.name, letters));
    AFL_TRY(WriteCheckpoint(connection, table, integration.name, position));
    return data::Execute(connection, "COMMIT");
  }();
  // DuckDB may have rolled back already.
  if (!done.ok()) (void)data::Execute(connection, "ROLLBACK");
  return done;
}

}  // namespace afluente::duck
