// Rows of a table without a key that went: a part of ChangeTarget.
#include <fmt/format.h>
#include <strings.h>

#include <algorithm>

#include "base/names.h"
#include "connectors/duckdb/change_target.h"
#include "connectors/duckdb/lane_function.h"

namespace afluente::duck {
namespace {

constexpr const char* kGone = "temp._afluente_gone";

// What of a value says whether two are the same. DuckDB holds '1 month' and '30 days'
// to be equal, and keeps them apart. It also holds 0.0 and -0.0 to be equal, but may
// store either as the other.
std::string Sameness(const std::string& value, const std::string& type) {
  const bool as_text = type.find("INTERVAL") != std::string::npos;
  return as_text ? fmt::format("CAST({} AS VARCHAR)", value) : value;
}

}  // namespace

// A row has no name but all that it holds. What went is shaped as it was when it
// came, masks and all, and counted; of the rows that stand there and equal it, as
// many go, whichever they are.
Status ChangeTarget::DeleteGoneRows(duckdb_connection connection, pipeline::TableChanges& changes) {
  const std::size_t expected = changes.gone_rows();
  if (expected == 0) return Done{};
  NoteDeleted();
  const LaneTable shape(warehouse_.lanes(), nullptr, changes.schema(), 0);
  AFL_ASSIGN(const auto arriving,
             DescribeSelect(connection, Shaped(changes.schema(), shape.sql())));
  AFL_ASSIGN(const auto target, ReadColumns(connection, *integration_.destination.table));
  std::string gone;   // SELECT list over the shaped rows.
  std::string match;  // Of t, a row that stands there, and g.
  for (std::size_t i = 0; i < arriving.size(); ++i) {
    const auto stored = std::find_if(target.begin(), target.end(), [&](const TableColumn& column) {
      return strcasecmp(column.name.c_str(), arriving[i].name.c_str()) == 0;
    });
    if (stored == target.end()) continue;
    const std::string name = QuoteIdentifier(arriving[i].name);
    gone +=
        fmt::format("{}{} AS c{}", gone.empty() ? "" : ", ",
                    Sameness(fmt::format("CAST({} AS {})", name, stored->type), stored->type), i);
    match += fmt::format("{}{} IS NOT DISTINCT FROM g.c{}", match.empty() ? "" : " AND ",
                         Sameness("t." + name, stored->type), i);
  }
  const auto reader = changes.ReadGoneRows();
  Status staged =
      RunOverLane(connection, *reader, changes.schema(), expected, [&](const std::string& lane) {
        return fmt::format(
            "CREATE OR REPLACE TEMP TABLE _afluente_gone AS SELECT *, row_number() OVER () AS "
            "_afluente_number FROM (SELECT *, count(*) AS _afluente_rows FROM (SELECT {} FROM "
            "({})) "
            "GROUP BY ALL)",
            gone, Shaped(changes.schema(), lane));
      });
  if (!staged.ok()) return Explain(changes, Rows::kGone, std::move(staged).error());
  AFL_ASSIGN(auto deleted,
             data::Query(connection,
                         fmt::format("DELETE FROM {0} WHERE rowid IN (SELECT place FROM (SELECT "
                                     "t.rowid AS place, g._afluente_rows AS wanted, row_number() "
                                     "OVER (PARTITION BY g._afluente_number ORDER BY t.rowid) AS n "
                                     "FROM {0} AS t JOIN {1} AS g ON {2}) WHERE n <= wanted)",
                                     Target(), kGone, match)));
  AFL_ASSIGN(
      const auto wanted,
      data::QueryCells(connection,
                       fmt::format("SELECT coalesce(sum(_afluente_rows), 0) FROM {}", kGone)));
  AFL_TRY(data::Execute(connection, fmt::format("DROP TABLE {}", kGone)));
  const auto found = static_cast<std::uint64_t>(duckdb_rows_changed(deleted.out()));
  const std::uint64_t went = std::stoull(wanted.front().front().text);
  if (found == went) return Done{};
  return Error(ErrorKind::kSchemaMismatch,
               fmt::format("{} rows that {} has no more do not stand in {} as they were; `afluente "
                           "resync {}` copies the table again",
                           went - found, integration_.source.table,
                           integration_.destination.table->ToString(), integration_.name));
}

}  // namespace afluente::duck
