#include "connectors/duckdb/warehouse_copy.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "base/names.h"
#include "connectors/duckdb/interrupt.h"

namespace afluente::duck {
namespace {

namespace fs = std::filesystem;

std::string NameOfCopy(const std::string& project) { return kCopyPrefix + project; }

// What follows the name in "CREATE TABLE dataset.table(...)": the name has no project,
// and a dataset that is named like a project would be taken for it.
std::string BehindName(const std::string& sql, std::size_t begin) {
  bool quoted = false;
  for (std::size_t at = begin; at < sql.size(); ++at) {
    if (sql[at] == '"') quoted = !quoted;
    if (!quoted && (sql[at] == '(' || sql[at] == ' ')) return sql.substr(at);
  }
  return "";
}

struct Found {
  std::string dataset;
  std::string name;
  std::string sql;
};

Result<std::vector<Found>> FindAll(duckdb_connection connection, const std::string& project,
                                   bool views) {
  const std::string what = views ? "view" : "table";
  AFL_ASSIGN(const auto rows,
             data::QueryCells(
                 connection,
                 fmt::format("SELECT schema_name, {0}_name, sql FROM duckdb_{0}s() WHERE "
                             "database_name = {1} AND NOT internal AND NOT (schema_name <> {2} AND "
                             "starts_with({0}_name, {3})) ORDER BY ALL",
                             what, QuoteLiteral(project), QuoteLiteral(kSystemSchema),
                             QuoteLiteral(kStagePrefix))));
  std::vector<Found> found;
  for (const auto& row : rows) found.push_back({row[0].text, row[1].text, row[2].text});
  return found;
}

std::string NameIn(const std::string& database, const Found& one) {
  return fmt::format("{}.{}.{}", QuoteIdentifier(database), QuoteIdentifier(one.dataset),
                     QuoteIdentifier(one.name));
}

Result<CopiedTable> Count(duckdb_connection connection, const std::string& database,
                          const Found& table) {
  // The alias is none that a column could have: hash() takes whole rows by it.
  AFL_ASSIGN(const auto rows,
             data::QueryCells(
                 connection,
                 fmt::format("SELECT count(*), coalesce(sum(hash(_afluente_row)), 0) FROM {} AS "
                             "_afluente_row",
                             NameIn(database, table))));
  return CopiedTable{table.dataset, table.name, std::stoull(rows[0][0].text), rows[0][1].text};
}

Status CopyComments(duckdb_connection connection, const std::string& project,
                    const std::string& copy) {
  AFL_ASSIGN(
      const auto rows,
      data::QueryCells(
          connection,
          fmt::format(
              "SELECT 'TABLE', schema_name, table_name, NULL, comment FROM duckdb_tables() WHERE "
              "database_name = {0} AND comment IS NOT NULL UNION ALL SELECT 'COLUMN', schema_name, "
              "table_name, column_name, comment FROM duckdb_columns() WHERE database_name = {0} "
              "AND "
              "comment IS NOT NULL AND table_name IN (SELECT table_name FROM duckdb_tables())",
              QuoteLiteral(project))));
  for (const auto& row : rows) {
    if (row[2].text.starts_with(kStagePrefix)) continue;
    const std::string column = row[3].valid ? "." + QuoteIdentifier(row[3].text) : std::string();
    AFL_TRY(data::Execute(connection, fmt::format("COMMENT ON {} {}{} IS {}", row[0].text,
                                                  NameIn(copy, {row[1].text, row[2].text, ""}),
                                                  column, QuoteLiteral(row[4].text))));
  }
  return Done{};
}

Status CopyTables(duckdb_connection connection, CopiedProject& copied) {
  const std::string copy = NameOfCopy(copied.project);
  AFL_ASSIGN(
      const auto schemas,
      data::QueryCells(connection, fmt::format("SELECT schema_name FROM duckdb_schemas() WHERE "
                                               "database_name = {} AND NOT internal",
                                               QuoteLiteral(copied.project))));
  for (const auto& row : schemas) {
    AFL_TRY(data::Execute(connection,
                          fmt::format("CREATE SCHEMA IF NOT EXISTS {}.{}", QuoteIdentifier(copy),
                                      QuoteIdentifier(row.front().text))));
  }
  constexpr std::string_view kCreateTable = "CREATE TABLE ";
  AFL_ASSIGN(const auto tables, FindAll(connection, copied.project, false));
  for (const Found& table : tables) {
    const auto fill = [&]() -> Status {
      AFL_TRY(data::Execute(connection, fmt::format("CREATE TABLE {}{}", NameIn(copy, table),
                                                    BehindName(table.sql, kCreateTable.size()))));
      AFL_TRY(data::Execute(connection,
                            fmt::format("INSERT INTO {} SELECT * FROM {}", NameIn(copy, table),
                                        NameIn(copied.project, table))));
      AFL_ASSIGN(auto counted, Count(connection, copied.project, table));
      copied.tables.push_back(std::move(counted));
      return Done{};
    };
    AFL_TRY(fill().Within(
        [&] { return fmt::format("{}.{}.{}", copied.project, table.dataset, table.name); }));
  }
  return CopyComments(connection, copied.project, copy);
}

// Behind the tables, in transactions of their own: one that cannot be made must not undo
// them. Views may read each other: what fails is tried again until nothing more succeeds.
Status CopyViews(duckdb_connection connection, std::vector<Found> views, CopiedProject& copied) {
  constexpr std::string_view kCreateView = "CREATE VIEW ";
  for (bool progress = true; progress && !views.empty();) {
    progress = false;
    copied.lost_views.clear();
    std::vector<Found> left;
    for (Found& view : views) {
      const Status made = data::Execute(
          connection, fmt::format("CREATE VIEW {}{}", NameIn(NameOfCopy(copied.project), view),
                                  BehindName(view.sql, kCreateView.size())));
      if (made.ok()) {
        progress = true;
        ++copied.views;
        continue;
      }
      if (made.error().kind() == ErrorKind::kCancelled) return made;
      copied.lost_views.push_back(fmt::format("{}.{}.{}: {}", copied.project, view.dataset,
                                              view.name, made.error().message()));
      left.push_back(std::move(view));
    }
    views = std::move(left);
  }
  return Done{};
}

// Small: it only looks at copies, beside a service that needs the memory.
struct Checker {
  data::DuckDatabase database;
  data::DuckConnection connection;

  Status Open() {
    data::DuckConfig config;
    duckdb_create_config(config.out());
    duckdb_set_config(config.get(), "threads", "1");
    duckdb_set_config(config.get(), "memory_limit", "256MB");
    duckdb_set_config(config.get(), "autoinstall_known_extensions", "false");
    if (duckdb_open_ext(nullptr, database.out(), config.get(), nullptr) == DuckDBError ||
        duckdb_connect(database.get(), connection.out()) == DuckDBError) {
      return Error(ErrorKind::kInternal, "DuckDB does not open");
    }
    return Done{};
  }
};

}  // namespace

fs::path CopiesOf(const fs::path& warehouse) { return warehouse / "copies"; }

Result<std::unique_ptr<WarehouseCopy>> WarehouseCopy::Open(const Warehouse& warehouse,
                                                           const fs::path& folder) {
  std::unique_ptr<WarehouseCopy> copy(new WarehouseCopy(CopiesOf(folder)));
  std::error_code error;
  fs::remove_all(copy->folder_, error);
  fs::create_directories(copy->folder_, error);
  if (error) return Error(ErrorKind::kInternal, copy->folder_.string() + ": " + error.message());
  for (const std::string& project : warehouse.projects()) {
    Part& part = copy->parts_.emplace_back();
    part.project = project;
    AFL_ASSIGN(part.connection, warehouse.Connect());
    AFL_TRY(
        data::Execute(part.connection.get(),
                      fmt::format("ATTACH {} AS {}{}", QuoteLiteral(copy->FileOf(project).string()),
                                  QuoteIdentifier(NameOfCopy(project)), NewFileOptions())));
  }
  return copy;
}

WarehouseCopy::~WarehouseCopy() {
  for (const Part& part : parts_) {
    (void)data::Execute(part.connection.get(), "ROLLBACK");
    (void)data::Execute(part.connection.get(),
                        "DETACH " + QuoteIdentifier(NameOfCopy(part.project)));
  }
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

fs::path WarehouseCopy::FileOf(const std::string& project) const {
  return duck::FileOf(folder_, project);
}

// A transaction sees a file as of its first statement that looks into it. Into that one
// alone: the catalog's functions look into all, and would hold the copies' files, too.
Status WarehouseCopy::Pin() {
  for (const Part& part : parts_) {
    AFL_TRY(data::Execute(part.connection.get(), "BEGIN"));
    AFL_TRY(data::QueryCells(part.connection.get(),
                             fmt::format("SELECT count(*) FROM {}.{}.format",
                                         QuoteIdentifier(part.project), kSystemSchema)));
  }
  return Done{};
}

Result<CopiedProject> WarehouseCopy::Copy(const std::string& project, const std::stop_token& stop) {
  const auto part = std::find_if(parts_.begin(), parts_.end(),
                                 [&](const Part& one) { return one.project == project; });
  if (part == parts_.end()) {
    return Error(ErrorKind::kInternal, project + " is not among what is copied");
  }
  duckdb_connection connection = part->connection.get();
  CopiedProject copied;
  copied.project = project;
  {
    const InterruptOnStop interrupt(connection, stop);
    AFL_TRY(CopyTables(connection, copied));
    AFL_ASSIGN(auto views, FindAll(connection, project, true));
    AFL_TRY(data::Execute(connection, "COMMIT"));
    AFL_TRY(CopyViews(connection, std::move(views), copied));
    AFL_TRY(CheckpointFile(connection, NameOfCopy(project)));
  }
  AFL_TRY(data::Execute(connection, "DETACH " + QuoteIdentifier(NameOfCopy(project))));
  parts_.erase(part);
  return copied;
}

Status CheckCopy(const fs::path& file, const CopiedProject& expected, const std::stop_token& stop) {
  Checker checker;
  AFL_TRY(checker.Open());
  duckdb_connection connection = checker.connection.get();
  const InterruptOnStop interrupt(connection, stop);
  AFL_TRY(AttachFile(connection, file, expected.project, Access::kReadOnly));
  AFL_ASSIGN(const auto tables, FindAll(connection, expected.project, false));
  if (tables.size() != expected.tables.size()) {
    return Error(ErrorKind::kInternal,
                 fmt::format("the copy {} has {} tables, {} were copied", file.string(),
                             tables.size(), expected.tables.size()));
  }
  for (std::size_t i = 0; i < tables.size(); ++i) {
    AFL_ASSIGN(const CopiedTable counted, Count(connection, expected.project, tables[i]));
    if (counted == expected.tables[i]) continue;
    return Error(
        ErrorKind::kInternal,
        fmt::format("the copy {} differs in {}.{}: {} rows, {} were copied", file.string(),
                    counted.dataset, counted.table, counted.rows, expected.tables[i].rows));
  }
  return Done{};
}

Result<std::vector<std::uint64_t>> CountParquetRows(const std::vector<fs::path>& files) {
  std::vector<std::uint64_t> counts;
  if (files.empty()) return counts;
  Checker checker;
  AFL_TRY(checker.Open());
  for (const fs::path& file : files) {
    AFL_ASSIGN(const auto rows,
               data::QueryCells(checker.connection.get(),
                                fmt::format("SELECT num_rows FROM parquet_file_metadata({})",
                                            QuoteLiteral(file.string())))
                   .Within([&] { return file.string(); }));
    counts.push_back(std::stoull(rows.at(0).at(0).text));
  }
  return counts;
}

}  // namespace afluente::duck
