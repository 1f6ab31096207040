#include "connectors/duckdb/copy_form.h"

#include <fmt/format.h>

#include "base/names.h"
#include "connectors/duckdb/warehouse.h"
#include "pipeline/form.h"

namespace afluente::duck {
namespace {

bool HasColumnsOf(estate::Form form, const std::vector<TableColumn>& table) {
  std::vector<std::string> names;
  for (const TableColumn& column : table) names.push_back(column.name);
  return pipeline::HasFormColumns(form, names);
}

std::string TimeLiteral(WallTime time) {
  return "TIMESTAMPTZ " + QuoteLiteral(FormatRfc3339(time));
}

/// Rows that a new copy does not have any more were deleted meanwhile.
class SoftDeleteCopy final : public CopyForm {
 public:
  explicit SoftDeleteCopy(CopyMoment moment) : moment_(std::move(moment)) {}

  std::string AddedColumns(std::uint64_t /*lane*/) const override {
    return ", NULL::TIMESTAMPTZ AS _deleted_at";
  }
  // Rows without a name cannot be told from those of the copy.
  bool Keeps(const std::vector<TableColumn>& table) const override {
    return !moment_.key.empty() && HasColumnsOf(estate::Form::kSoftDelete, table);
  }
  // The stage has the columns of both.
  Status Publish(duckdb_connection connection, const std::string& stage,
                 const estate::TableAddress& table, const Evolution& /*evolution*/) const override {
    std::string match;
    for (const std::string& key : moment_.key) {
      match += fmt::format("{0}t.{1} = s.{1}", match.empty() ? "" : " AND ", QuoteIdentifier(key));
    }
    return data::Execute(
        connection,
        fmt::format("INSERT INTO {0} BY NAME SELECT t.* REPLACE (coalesce(t._deleted_at, {3}) AS "
                    "_deleted_at) FROM {1} AS t ANTI JOIN {0} AS s ON {2}; "
                    "DROP TABLE {1}; ALTER TABLE {0} RENAME TO {4}",
                    stage, SqlName(table), match, TimeLiteral(moment_.taken_at),
                    QuoteIdentifier(table.table)));
  }

 private:
  const CopyMoment moment_;
};

/// A new copy is a new generation behind a row that ends the old one.
class HistoryCopy final : public CopyForm {
 public:
  explicit HistoryCopy(CopyMoment moment) : moment_(std::move(moment)) {}

  // Lanes count for themselves, each in a range of its own.
  std::string AddedColumns(std::uint64_t lane) const override {
    constexpr std::uint64_t kRowsOfLane = std::uint64_t{1} << 40U;
    return fmt::format(", {}, row_number() OVER () + {} AS _ordinal, {} AS _committed_at",
                       OpAndLsn(pipeline::kSnapshotOp), lane * kRowsOfLane,
                       TimeLiteral(moment_.taken_at));
  }
  bool Keeps(const std::vector<TableColumn>& table) const override {
    return HasColumnsOf(estate::Form::kHistory, table);
  }
  Status Publish(duckdb_connection connection, const std::string& stage,
                 const estate::TableAddress& table, const Evolution& evolution) const override {
    const std::string target = SqlName(table);
    AFL_TRY(CheckOrder(connection, table));
    for (const std::string& alteration : evolution.alterations) {
      AFL_TRY(data::Execute(connection, "ALTER TABLE " + target + " " + alteration));
    }
    return data::Execute(
        connection,
        fmt::format("INSERT INTO {0} BY NAME SELECT {1}, 0 AS _ordinal, {2} AS _committed_at; "
                    "INSERT INTO {0} BY NAME SELECT * FROM {3}; DROP TABLE {3}",
                    target, OpAndLsn(pipeline::kTruncateOp), TimeLiteral(moment_.taken_at), stage));
  }

 private:
  std::string OpAndLsn(std::string_view op) const {
    return fmt::format("{} AS _op, {} AS _lsn", QuoteLiteral(op), QuoteLiteral(moment_.lsn));
  }

  // The log of another server may well begin before the old one's end.
  Status CheckOrder(duckdb_connection connection, const estate::TableAddress& table) const {
    AFL_ASSIGN(const auto last,
               data::QueryCells(connection, fmt::format("SELECT coalesce(max(_lsn), '') FROM {}",
                                                        SqlName(table))));
    if (last.front().front().text <= moment_.lsn) return Done{};
    return Error(
        ErrorKind::kSchemaMismatch,
        fmt::format("table {} holds a history up to {}, and the source's log stands at {}: it is "
                    "another server's, or an older state of it; rename the table in the warehouse "
                    "to keep it, or drop it, and run again",
                    table.ToString(), last.front().front().text, moment_.lsn));
  }

  const CopyMoment moment_;
};

}  // namespace

std::unique_ptr<CopyForm> MakeCopyForm(estate::Form form, CopyMoment moment) {
  switch (form) {
    case estate::Form::kMirror:
      return nullptr;
    case estate::Form::kSoftDelete:
      return std::make_unique<SoftDeleteCopy>(std::move(moment));
    case estate::Form::kHistory:
      return std::make_unique<HistoryCopy>(std::move(moment));
  }
  return nullptr;
}

}  // namespace afluente::duck
