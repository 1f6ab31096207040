#include "connectors/duckdb/form_targets.h"

#include <fmt/format.h>

#include "base/names.h"
#include "pipeline/form.h"
#include "pipeline/shaping.h"

namespace afluente::duck {
namespace {

/// The table looks like the source.
class MirrorTarget final : public ChangeTarget {
 public:
  MirrorTarget(Warehouse& warehouse, const estate::Integration& integration)
      : ChangeTarget(warehouse, integration) {}

 protected:
  Status Write(duckdb_connection connection, pipeline::TableChanges& changes) override {
    if (changes.truncated_at()) {
      NoteDeleted();
      AFL_TRY(data::Execute(connection, "DELETE FROM " + Target()));
    } else {
      AFL_TRY(DeleteKeys(connection, changes));
      AFL_TRY(DeleteGoneRows(connection, changes));
    }
    return InsertRows(connection, changes);
  }
};

/// Deleted rows stay, with the time of their deletion.
class SoftDeleteTarget final : public ChangeTarget {
 public:
  SoftDeleteTarget(Warehouse& warehouse, const estate::Integration& integration)
      : ChangeTarget(warehouse, integration) {}

 protected:
  std::string AddedColumns() const override { return ", NULL::TIMESTAMPTZ AS _deleted_at"; }
  std::string HoldsDefaults() const override { return "_deleted_at IS NULL"; }

  // Rows come in first as if all of them lived: a row that came and went within
  // the set is marked like one that stood there before.
  Status Write(duckdb_connection connection, pipeline::TableChanges& changes) override {
    AFL_TRY(DeleteKeys(connection, changes));
    if (const auto time = changes.truncated_at()) AFL_TRY(MarkAll(connection, *time));
    AFL_TRY(InsertRows(connection, changes));
    if (changes.marked_keys() == 0) return Done{};
    return MarkKeys(connection, changes);
  }

 private:
  Status MarkAll(duckdb_connection connection, WallTime time) {
    NoteDeleted();
    return data::Execute(
        connection,
        fmt::format(
            "CREATE OR REPLACE TEMP TABLE _afluente_marked AS SELECT * REPLACE (TIMESTAMPTZ "
            "{1} AS _deleted_at) FROM {0} WHERE _deleted_at IS NULL; "
            "DELETE FROM {0} WHERE _deleted_at IS NULL; "
            "INSERT INTO {0} SELECT * FROM temp._afluente_marked; "
            "DROP TABLE temp._afluente_marked",
            Target(), QuoteLiteral(FormatRfc3339(time))));
  }

  Status MarkKeys(duckdb_connection connection, pipeline::TableChanges& changes) {
    NoteDeleted();
    const std::string match = KeysMatch(changes);
    const auto reader = changes.ReadMarkedKeys();
    AFL_TRY(RunOverLane(
        connection, *reader, changes.marked_schema(), changes.marked_keys(),
        [&](const std::string& lane) {
          return fmt::format(
              "CREATE OR REPLACE TEMP TABLE _afluente_marked AS SELECT t.* REPLACE (s._deleted_at "
              "AS _deleted_at) FROM {} AS t JOIN (SELECT {}, _deleted_at FROM {}) AS s ON {}",
              Target(), pipeline::KeyList(integration(), changes.key_schema()), lane, match);
        }));
    return data::Execute(
        connection, fmt::format("DELETE FROM {0} AS t USING temp._afluente_marked AS s WHERE {1}; "
                                "INSERT INTO {0} SELECT * FROM temp._afluente_marked; "
                                "DROP TABLE temp._afluente_marked",
                                Target(), match));
  }
};

/// Every change is a row; nothing is ever deleted.
class HistoryTarget final : public ChangeTarget {
 public:
  HistoryTarget(Warehouse& warehouse, const estate::Integration& integration)
      : ChangeTarget(warehouse, integration) {}

 protected:
  std::string HoldsDefaults() const override {
    return "_op NOT IN ('delete', 'truncate', 'dead_letter')";
  }

  Status Write(duckdb_connection connection, pipeline::TableChanges& changes) override {
    return InsertRows(connection, changes);
  }

  // A key has many rows here; its last one holds what an update did not send.
  // Only the key and the order are read of the others.
  Status StageIncompleteRows(duckdb_connection connection,
                             pipeline::TableChanges& changes) override {
    const Completion sql = CompletionSql(changes);
    const auto reader = changes.ReadIncompleteRows();
    AFL_TRY(RunOverLane(connection, *reader, changes.incomplete_schema(), changes.incomplete_rows(),
                        [&](const std::string& lane) {
                          return fmt::format(
                              "CREATE OR REPLACE TEMP TABLE _afluente_lacking AS SELECT {} FROM {}",
                              sql.staged, lane);
                        }));
    return data::Execute(
        connection,
        fmt::format("CREATE OR REPLACE TEMP TABLE _afluente_incomplete AS SELECT {0} FROM "
                    "temp._afluente_lacking AS s JOIN (SELECT * FROM {1} WHERE rowid IN (SELECT "
                    "max_by(t.rowid, (t._lsn, t._ordinal)) FROM {1} AS t SEMI JOIN "
                    "temp._afluente_lacking AS s ON {2} GROUP BY {3}) AND _op NOT IN ('delete', "
                    "'dead_letter')) AS t ON "
                    "{2}; DROP TABLE temp._afluente_lacking",
                    sql.columns, Target(), sql.match, sql.key));
  }
};

}  // namespace

std::unique_ptr<ChangeTarget> MakeChangeTarget(Warehouse& warehouse,
                                               const estate::Integration& integration) {
  switch (integration.form) {
    case estate::Form::kMirror:
      return std::make_unique<MirrorTarget>(warehouse, integration);
    case estate::Form::kSoftDelete:
      return std::make_unique<SoftDeleteTarget>(warehouse, integration);
    case estate::Form::kHistory:
      return std::make_unique<HistoryTarget>(warehouse, integration);
  }
  return nullptr;
}

}  // namespace afluente::duck
