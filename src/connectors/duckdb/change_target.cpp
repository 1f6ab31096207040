#include "connectors/duckdb/change_target.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>
#include <strings.h>

#include <algorithm>

#include "base/names.h"
#include "connectors/duckdb/checkpoints.h"
#include "connectors/duckdb/lane_function.h"
#include "pipeline/form.h"
#include "pipeline/shaping.h"

namespace afluente::duck {
namespace {

bool HasColumn(const std::vector<TableColumn>& columns, const std::string& name) {
  return std::any_of(columns.begin(), columns.end(), [&](const TableColumn& has) {
    return strcasecmp(has.name.c_str(), name.c_str()) == 0;
  });
}

bool HasFormOf(estate::Form form, const std::vector<TableColumn>& columns) {
  std::vector<std::string> names;
  for (const TableColumn& column : columns) names.push_back(column.name);
  return pipeline::HasFormColumns(form, names);
}

}  // namespace

std::string ChangeTarget::Target() const { return SqlName(*integration_.destination.table); }

Status ChangeTarget::RunOverLane(
    duckdb_connection connection, data::BatchReader& reader, const data::Schema& schema,
    std::size_t rows, const std::function<std::string(const std::string& lane)>& statement) {
  const LaneTable lane(warehouse_.lanes(), &reader, schema, rows);
  const auto done = data::Query(connection, statement(lane.sql()));
  if (done.ok()) return Done{};
  if (auto failure = lane.failure()) return *std::move(failure);
  return done.error();
}

std::string ChangeTarget::Shaped(const data::Schema& schema, const std::string& lane) const {
  return ShapedBy(integration_, schema, lane);
}

std::string ChangeTarget::ShapedBy(const estate::Integration& integration,
                                   const data::Schema& schema, const std::string& lane) const {
  std::string select = pipeline::ShapingSelect(integration, schema, lane);
  if (const std::string added = AddedColumns(); !added.empty()) {
    select = fmt::format("SELECT *{} FROM ({})", added, select);
  }
  if (evolution_.projection.empty()) return select;
  return fmt::format("SELECT {} FROM ({})", fmt::join(evolution_.projection, ", "), select);
}

// Rows of another form must not be mixed with this one's.
Status ChangeTarget::CheckForm(const std::vector<TableColumn>& target,
                               const std::vector<TableColumn>& arriving) const {
  bool is_same = HasFormOf(integration_.form, target);
  for (const estate::Form other : {estate::Form::kSoftDelete, estate::Form::kHistory}) {
    // A column of that name may be the source's own.
    const bool has_other = HasFormOf(other, target) && !HasFormOf(other, arriving);
    is_same = is_same && !has_other;
  }
  if (is_same) return Done{};
  return Error(ErrorKind::kSchemaMismatch,
               fmt::format("{}: table {} was not written in form {}; `afluente run {} "
                           "--full-refresh` copies it again",
                           integration_.mark.ToString(), integration_.destination.table->ToString(),
                           estate::NameOf(integration_.form), integration_.name));
}

// The table takes the columns that arrive, in order with the rows.
Status ChangeTarget::Fit(duckdb_connection connection, pipeline::TableChanges& changes) {
  if (changes.schema_version() == fitted_version_) return Done{};
  const estate::TableAddress& address = *integration_.destination.table;
  AFL_ASSIGN(const auto target, ReadColumns(connection, address));
  if (target.empty()) {
    return Error(ErrorKind::kNotFound,
                 fmt::format("table {} is gone; `afluente resync {}` makes it again",
                             address.ToString(), integration_.name));
  }
  evolution_ = {};
  const LaneTable shape(warehouse_.lanes(), nullptr, changes.schema(), 0);
  AFL_ASSIGN(const auto arriving,
             DescribeSelect(connection, Shaped(changes.schema(), shape.sql())));
  AFL_TRY(CheckForm(target, arriving));
  AFL_ASSIGN(evolution_, PlanEvolution(target, arriving, integration_.on_schema_change, true));
  // DuckDB does not commit a table whose rows were deleted and that was altered
  // then in one transaction; a copy of it may be altered.
  if (!evolution_.alterations.empty() && has_deleted_) AFL_TRY(Rebuild(connection));
  for (const std::string& alteration : evolution_.alterations) {
    AFL_TRY(data::Execute(connection, "ALTER TABLE " + SqlName(address) + " " + alteration));
  }
  if (!evolution_.alterations.empty()) AFL_TRY(FillAdded(connection, changes, target));
  ignored_.clear();
  if (!evolution_.projection.empty()) {
    for (const TableColumn& column : arriving) {
      if (!HasColumn(target, column.name)) ignored_.insert(column.name);
    }
  }
  for (const std::string& change : evolution_.changes) {
    spdlog::info("{}: {}", integration_.name, change);
  }
  fitted_version_ = changes.schema_version();
  return Done{};
}

// Rows that stand in the table get what the source says they hold in columns
// that have just been added.
Status ChangeTarget::FillAdded(duckdb_connection connection, pipeline::TableChanges& changes,
                               const std::vector<TableColumn>& before) {
  std::string assignments;
  std::string columns;
  for (const std::string& column : changes.columns_with_defaults()) {
    const std::string name = pipeline::ArrivesAs(column, integration_);
    if (HasColumn(before, name)) continue;
    const std::string comma = columns.empty() ? "" : ", ";
    columns += comma + QuoteIdentifier(name);
    assignments += fmt::format("{0}{1} = s.{1}", comma, QuoteIdentifier(name));
  }
  if (assignments.empty()) return Done{};
  if (!integration_.transform.empty()) {
    spdlog::warn(
        "{}: rows from before a column was added hold NULL in it, and not its default; "
        "`afluente run {} --full-refresh` copies the table again",
        integration_.name, integration_.name);
    return Done{};
  }
  has_deleted_ = true;  // An update deletes the old rows.
  const auto reader = changes.ReadDefaults();
  return RunOverLane(connection, *reader, changes.schema(), 1, [&](const std::string& lane) {
    return fmt::format("UPDATE {} SET {} FROM (SELECT {} FROM ({})) AS s WHERE {}", Target(),
                       assignments, columns, Shaped(changes.schema(), lane), HoldsDefaults());
  });
}

Status ChangeTarget::Rebuild(duckdb_connection connection) const {
  estate::TableAddress copy = *integration_.destination.table;
  const std::string name = QuoteIdentifier(copy.table);
  const std::string target = SqlName(copy);
  copy.table = "_afluente_rebuilt_" + copy.table;
  return data::Execute(connection,
                       fmt::format("CREATE TABLE {0} AS SELECT * FROM {1}; DROP TABLE {1}; "
                                   "ALTER TABLE {0} RENAME TO {2}",
                                   SqlName(copy), target, name));
}

ChangeTarget::Completion ChangeTarget::CompletionSql(const pipeline::TableChanges& changes) const {
  Completion sql;
  std::string lacks;
  for (const data::Column& column : changes.schema()) {
    const std::string arrives_as = pipeline::ArrivesAs(column.name, integration_);
    const std::string name = QuoteIdentifier(arrives_as);
    const std::string lacking = QuoteIdentifier(pipeline::kLacksPrefix + column.name);
    sql.columns += sql.columns.empty() ? "" : ", ";
    sql.columns +=
        ignored_.contains(arrives_as)
            ? "s." + name
            : fmt::format("CASE WHEN s.{0} THEN t.{1} ELSE s.{1} END AS {1}", lacking, name);
    lacks += ", " + lacking;
  }
  std::string origin;
  for (const std::string& key : changes.key()) {
    const std::string name = QuoteIdentifier(pipeline::ArrivesAs(key, integration_));
    const std::string alias = QuoteIdentifier(pipeline::kOriginPrefix + key);
    origin += fmt::format(
        ", {} AS {}", pipeline::KeyValue(integration_, key, pipeline::kOriginPrefix + key), alias);
    sql.match += fmt::format("{}t.{} = s.{}", sql.match.empty() ? "" : " AND ", name, alias);
    sql.key += (sql.key.empty() ? "t." : ", t.") + name;
  }
  sql.columns += fmt::format(", s.{}", kNumber);
  sql.staged =
      fmt::format("{}{}{}, row_number() OVER () - 1 AS {}",
                  pipeline::ColumnList(integration_, changes.schema()), lacks, origin, kNumber);
  return sql;
}

bool ChangeTarget::SetsAside() const {
  return integration_.mode == estate::Mode::kCdc &&
         integration_.on_bad_row == estate::OnBadRow::kDeadLetter;
}

bool ChangeTarget::ShapingCanFail() const {
  return pipeline::ShapingCanFail(integration_) || !evolution_.projection.empty();
}

// Incomplete rows are completed, not transformed; their casts are the same.
RowShaping ChangeTarget::ShapingOf(const data::Schema& schema) const {
  return {warehouse_, integration_,
          [this, &schema](const estate::Integration& integration, const std::string& lane) {
            return ShapedBy(integration, schema, lane);
          }};
}

std::unique_ptr<data::BatchReader> ChangeTarget::Read(pipeline::TableChanges& changes, Rows rows) {
  switch (rows) {
    case Rows::kComplete:
      return changes.ReadRows();
    case Rows::kIncomplete:
      return changes.ReadIncompleteRows();
    case Rows::kGone:
      return changes.ReadGoneRows();
  }
  return nullptr;
}

// A statement that fails takes the transaction along: rows are tried before.
Status ChangeTarget::SetBadRowsAside(pipeline::TableChanges& changes, Rows rows) const {
  const data::Schema& lane =
      rows == Rows::kIncomplete ? changes.incomplete_schema() : changes.schema();
  const RowShaping shaping = ShapingOf(changes.schema());
  // History keeps the key of a row that was set aside; one whose key cannot be held
  // either fails a second time and is left out.
  constexpr int kRounds = 2;
  for (int round = 0; round <= kRounds; ++round) {
    const auto tried = Read(changes, rows);
    AFL_ASSIGN(const bool are_good, AreRowsGood(shaping, *tried, lane, 0));
    if (are_good) return Done{};
    const auto searched = Read(changes, rows);
    AFL_ASSIGN(const auto bad, FindBadRows(shaping, *searched, lane, 0, data::DeadLetters::kMax));
    AFL_TRY(changes.SetAside(rows, bad));
  }
  return Done{};
}

// Which row a statement over `rows` failed at, for a person.
Status ChangeTarget::Explain(pipeline::TableChanges& changes, Rows rows, Error error) const {
  const bool may_be_a_row =
      error.kind() != ErrorKind::kTransient && error.kind() != ErrorKind::kCancelled;
  if (integration_.mode != estate::Mode::kCdc || !ShapingCanFail() || !may_be_a_row) return error;
  const data::Schema& lane =
      rows == Rows::kIncomplete ? changes.incomplete_schema() : changes.schema();
  const auto reader = Read(changes, rows);
  const auto bad = FindBadRows(ShapingOf(changes.schema()), *reader, lane, 0, 0);
  if (!bad.ok() || bad.value().empty()) return error;
  const auto& [number, reason] = *bad.value().begin();
  const std::string name = changes.NameOf(rows, number);
  return Error(
      ErrorKind::kConversion,
      fmt::format("{} of {}: {}; on_bad_row: dead_letter sets such rows aside",
                  name.empty() ? "a row" : "row " + name, integration_.source.table, reason));
}

// What the source did not send is where these rows stand now, before anything
// is deleted.
Status ChangeTarget::StageIncompleteRows(duckdb_connection connection,
                                         pipeline::TableChanges& changes) {
  const Completion sql = CompletionSql(changes);
  const auto reader = changes.ReadIncompleteRows();
  return RunOverLane(
      connection, *reader, changes.incomplete_schema(), changes.incomplete_rows(),
      [&](const std::string& lane) {
        return fmt::format(
            "CREATE OR REPLACE TEMP TABLE _afluente_incomplete AS SELECT {} FROM (SELECT {} FROM "
            "{}) AS s JOIN {} AS t ON {}",
            sql.columns, sql.staged, lane, Target(), sql.match);
      });
}

Status ChangeTarget::CheckCompleted(duckdb_connection connection,
                                    pipeline::TableChanges& changes) const {
  AFL_ASSIGN(const auto found,
             data::QueryCells(connection, fmt::format("SELECT count(*) FROM {}", kIncomplete)));
  const std::size_t expected = changes.incomplete_rows();
  if (found.front().front().text == std::to_string(expected)) return Done{};
  if (SetsAside()) {
    AFL_ASSIGN(const auto missing,
               data::QueryCells(connection, fmt::format("SELECT range FROM range({}) ANTI JOIN {} "
                                                        "ON range = {} ORDER BY range",
                                                        expected, kIncomplete, kNumber)));
    std::map<std::size_t, std::string> reasons;
    for (const auto& row : missing) {
      reasons[std::stoull(row.front().text)] = fmt::format(
          "the source does not send large values again that did not change, and no row of {} holds "
          "them: its earlier version was set aside; ALTER TABLE {} REPLICA IDENTITY FULL sends "
          "them, and `afluente resync {}` reads them",
          integration_.destination.table->ToString(), integration_.source.table, integration_.name);
    }
    return changes.SetAside(Rows::kIncomplete, reasons);
  }
  return Error(ErrorKind::kSchemaMismatch,
               fmt::format("{} changed rows stand in no row of {}, which should hold their large "
                           "values; `afluente resync {}` copies the table again",
                           expected - std::stoull(found.front().front().text),
                           integration_.destination.table->ToString(), integration_.name));
}

std::string ChangeTarget::KeysMatch(const pipeline::TableChanges& changes) const {
  std::string match;
  for (const std::string& key : changes.key()) {
    const std::string name = QuoteIdentifier(pipeline::ArrivesAs(key, integration_));
    match += fmt::format("{0}t.{1} = s.{1}", match.empty() ? "" : " AND ", name);
  }
  return match;
}

Status ChangeTarget::DeleteKeys(duckdb_connection connection, pipeline::TableChanges& changes) {
  if (changes.key().empty() || changes.keys() == 0) return Done{};
  NoteDeleted();
  const auto reader = changes.ReadKeys();
  return RunOverLane(
      connection, *reader, changes.key_schema(), changes.keys(), [&](const std::string& lane) {
        return fmt::format("DELETE FROM {} AS t USING (SELECT {} FROM {}) AS s WHERE {}", Target(),
                           pipeline::KeyList(integration_, changes.key_schema()), lane,
                           KeysMatch(changes));
      });
}

Status ChangeTarget::InsertRows(duckdb_connection connection, pipeline::TableChanges& changes) {
  const std::string insert = fmt::format("INSERT INTO {} BY NAME ", Target());
  if (changes.rows() > 0) {
    const auto reader = changes.ReadRows();
    Status inserted = RunOverLane(
        connection, *reader, changes.schema(), changes.rows(),
        [&](const std::string& lane) { return insert + Shaped(changes.schema(), lane); });
    if (!inserted.ok()) {
      return Explain(changes, Rows::kComplete, std::move(inserted).error());
    }
  }
  if (changes.incomplete_rows() == 0) return Done{};
  const std::string rows =
      fmt::format("SELECT * EXCLUDE ({}){} FROM {}", kNumber, AddedColumns(), kIncomplete);
  return data::Execute(connection,
                       insert + (evolution_.projection.empty()
                                     ? rows
                                     : fmt::format("SELECT {} FROM ({})",
                                                   fmt::join(evolution_.projection, ", "), rows)));
}

Status ChangeTarget::Apply(duckdb_connection connection, pipeline::TableChanges& changes) {
  AFL_TRY(Fit(connection, changes));
  const bool tries = SetsAside() && ShapingCanFail();
  if (tries && changes.rows() > 0) AFL_TRY(SetBadRowsAside(changes, Rows::kComplete));
  if (tries && changes.gone_rows() > 0) AFL_TRY(SetBadRowsAside(changes, Rows::kGone));
  if (changes.incomplete_rows() > 0) {
    if (!integration_.transform.empty()) {
      return Error(
          ErrorKind::kSchemaMismatch,
          fmt::format("{}: a transform needs whole rows, and the source does not send large "
                      "values again that did not change; ALTER TABLE {} REPLICA IDENTITY FULL",
                      integration_.transform_mark.ToString(), integration_.source.table));
    }
    if (tries) AFL_TRY(SetBadRowsAside(changes, Rows::kIncomplete));
    Status staged = StageIncompleteRows(connection, changes);
    if (!staged.ok()) return Explain(changes, Rows::kIncomplete, std::move(staged).error());
    AFL_TRY(CheckCompleted(connection, changes));
  }
  AFL_TRY(Write(connection, changes));
  return WriteDeadLetters(connection, *integration_.destination.table, integration_.name,
                          changes.dead_letters());
}

}  // namespace afluente::duck
