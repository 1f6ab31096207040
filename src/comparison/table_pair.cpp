#include "comparison/table_pair.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/names.h"
#include "connectors/duckdb/warehouse.h"
#include "connectors/postgres/columns.h"
#include "connectors/registry.h"
#include "estate/secrets.h"
#include "pipeline/form.h"
#include "pipeline/shaping.h"

namespace afluente::comparison {
namespace {

std::string DestinationSql(const estate::Integration& integration) {
  const estate::Destination& destination = integration.destination;
  if (destination.lake) return "lake." + QuoteIdentifier(destination.lake->ToString());
  return duck::SqlName(*destination.table);
}

Result<std::string> SaltOf(const estate::Estate& estate, const estate::Integration& integration) {
  for (const auto& [name, rule] : integration.columns) {
    if (rule.mask != estate::Mask::kHash) continue;
    return estate::ResolveSecrets(estate.mask_salt, estate.folder);
  }
  return std::string();
}

Status BeginSnapshot(PGconn* connection, const std::string& snapshot) {
  const std::string join =
      snapshot.empty() ? "" : fmt::format("; SET TRANSACTION SNAPSHOT '{}'", snapshot);
  AFL_TRY(postgres::Query(connection, "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY" + join));
  return Done{};
}

}  // namespace

Result<std::unique_ptr<TablePair>> TablePair::Open(const estate::Estate& estate,
                                                   const estate::Integration& integration,
                                                   duckdb_connection connection,
                                                   const std::stop_token& stop,
                                                   const std::string& snapshot) {
  if (!integration.destination.table && !integration.destination.lake) {
    return Error(ErrorKind::kInvalidConfig, "reconcile compares with the warehouse or the lake");
  }
  AFL_ASSIGN(const auto endpoint,
             connectors::ResolveEndpoint(estate, integration.source.connection));
  AFL_ASSIGN(const std::string salt, SaltOf(estate, integration));
  std::unique_ptr<TablePair> pair(new TablePair(integration, connection, stop));
  pair->pads_ = MakeHashPads(salt);
  AFL_TRY(pair->OpenSource(endpoint, snapshot));
  AFL_TRY(pair->OpenDestination(DestinationSql(integration)));
  return pair;
}

Status TablePair::OpenSource(const postgres::Endpoint& endpoint, const std::string& snapshot) {
  AFL_ASSIGN(source_connection_, postgres::Connect(endpoint.dsn, endpoint.overrides));
  PGconn* connection = source_connection_.get();
  cancel_.emplace(connection, stop_);
  key_ = integration_.destination.key;
  std::vector<postgres::CatalogColumn> columns;
  if (integration_.source.query.empty()) {
    AFL_ASSIGN(const auto name, postgres::FindRelation(connection, integration_.source.table));
    const bool is_table = name.kind == 'r' || name.kind == 'p';
    if (key_.empty() && integration_.mode == estate::Mode::kCdc) {
      AFL_ASSIGN(const auto identity, postgres::ReadIdentity(connection, name));
      for (const auto& column : identity.columns) {
        key_.push_back(pipeline::ArrivesAs(column, integration_));
      }
    }
    AFL_TRY(BeginSnapshot(connection, snapshot));
    if (is_table && name.selectable) {
      AFL_TRY(postgres::Query(connection, "LOCK TABLE " + name.sql_name + " IN ACCESS SHARE MODE"));
    }
    AFL_ASSIGN(postgres::Relation relation, postgres::DescribeRelation(connection, name));
    columns = std::move(relation.columns);
    has_places_ = is_table && name.selectable &&
                  std::all_of(relation.leaves.begin(), relation.leaves.end(),
                              [](const postgres::Leaf& leaf) { return leaf.scan_by_ctid; });
    source_from_ = name.sql_name + " WHERE " +
                   (integration_.where.empty() ? "true" : "(\n" + integration_.where + "\n)");
  } else {
    AFL_TRY(BeginSnapshot(connection, snapshot));
    AFL_ASSIGN(columns, postgres::DescribeQuery(connection, integration_.source.query));
    source_from_ = "(\n" + integration_.source.query + "\n) AS q WHERE true";
  }
  AFL_ASSIGN(source_columns_, postgres::SelectColumns(columns, integration_));
  return Done{};
}

Status TablePair::OpenDestination(const std::string& table) {
  AFL_ASSIGN(auto described, duck::DescribeSelect(connection_, "SELECT * FROM " + table));
  if (integration_.form != estate::Form::kMirror) {
    std::vector<std::string> all;
    for (const duck::TableColumn& column : described) all.push_back(column.name);
    if (!pipeline::HasFormColumns(integration_.form, all)) {
      return Error(
          ErrorKind::kSchemaMismatch,
          fmt::format("table {} was not written in form {}; `afluente run {} --full-refresh` "
                      "copies it again",
                      table, estate::NameOf(integration_.form), integration_.name));
    }
    for (const data::Column& added : pipeline::FormColumns(integration_.form)) {
      std::erase_if(described, [&](const auto& column) { return column.name == added.name; });
    }
  }
  AFL_ASSIGN(compared_, CompareColumns(integration_, source_columns_, described, connection_));
  std::vector<std::string> source_sql;
  std::vector<std::string> destination_sql;
  for (const ComparedColumn& column : compared_.columns) {
    if (column.comparison != Comparison::kValue) continue;
    names_.push_back(column.name);
    source_sql.push_back(column.source_sql);
    destination_sql.push_back(column.destination_sql);
  }
  const std::string rows = pipeline::CurrentRows(integration_.form, table, key_);
  std::vector<std::size_t> key;
  for (const std::string& name : key_) {
    const auto found = std::find(names_.begin(), names_.end(), name);
    if (found == names_.end()) {
      key_note_ = fmt::format("key column {} cannot be compared by value", name);
      key.clear();
      break;
    }
    key.push_back(static_cast<std::size_t>(found - names_.begin()));
  }
  if (key.empty()) key_.clear();
  source_ = std::make_unique<Side>(Side::Dialect::kPostgres, source_from_, source_sql, key,
                                   [this](const std::string& sql) { return AskSource(sql); });
  destination_ = std::make_unique<Side>(
      Side::Dialect::kDuckdb, rows + " WHERE true", destination_sql, key,
      [this](const std::string& sql) { return data::QueryCells(connection_, sql); });
  return Done{};
}

// As parameters: the salt's pads must not stand in a statement's text.
std::vector<std::optional<std::string>> TablePair::Parameters(const std::string& sql) const {
  if (!compared_.uses_hash || sql.find("$1") == std::string::npos) return {};
  return {pads_.inner_hex, pads_.outer_hex};
}

// A cancel that comes between two statements is forgotten.
Status TablePair::CheckStopped() const {
  if (stop_.stop_requested()) return Error(ErrorKind::kCancelled, "stopped");
  return Done{};
}

Result<Rows> TablePair::AskSource(const std::string& sql) const {
  AFL_TRY(CheckStopped());
  AFL_ASSIGN(const postgres::QueryResult result,
             postgres::QueryParams(source_connection_.get(), sql, Parameters(sql)));
  Rows rows(static_cast<std::size_t>(PQntuples(result.get())));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (int column = 0; column < PQnfields(result.get()); ++column) {
      const int row = static_cast<int>(i);
      rows[i].push_back(
          {postgres::Text(result, row, column), PQgetisnull(result.get(), row, column) == 0});
    }
  }
  return rows;
}

Status TablePair::CopyRows(const std::string& sql, const std::string& table) const {
  PGconn* source = source_connection_.get();
  AFL_TRY(postgres::QueryParams(source, "DECLARE afluente_rows NO SCROLL CURSOR FOR " + sql,
                                Parameters(sql)));
  constexpr int kRowsAtOnce = 20'000;
  while (true) {
    AFL_TRY(CheckStopped());
    AFL_ASSIGN(const postgres::QueryResult result,
               postgres::Query(source, fmt::format("FETCH {} FROM afluente_rows", kRowsAtOnce)));
    const int count = PQntuples(result.get());
    if (count == 0) break;
    const int fields = PQnfields(result.get());
    // One literal: DuckDB takes it apart quicker than it parses so many values.
    std::string text;
    for (int row = 0; row < count; ++row) {
      if (row > 0) text += '\n';
      for (int column = 0; column < fields; ++column) {
        if (column > 0) text += '\t';
        text += PQgetvalue(result.get(), row, column);
      }
    }
    std::string cells;
    for (int column = 1; column <= fields; ++column) {
      cells += fmt::format("{}split_part(line, chr(9), {})", column > 1 ? ", " : "", column);
    }
    AFL_TRY(data::Execute(
        connection_,
        fmt::format("INSERT INTO {} SELECT {} FROM (SELECT unnest(string_split('{}', chr(10))) AS "
                    "line)",
                    table, cells, text)));
  }
  AFL_TRY(postgres::Query(source, "CLOSE afluente_rows"));
  return Done{};
}

}  // namespace afluente::comparison
