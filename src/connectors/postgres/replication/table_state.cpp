#include "connectors/postgres/replication/table_state.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace afluente::postgres {
namespace {

// A table's system columns are written once, when it is made: a partition whose
// place in the tree is as old was made as one.
constexpr const char* kStates = R"(
WITH RECURSIVE tree(oid, attached) AS (
  SELECT $1::oid, false
  UNION ALL
  SELECT i.inhrelid, i.xmin <> (SELECT a.xmin FROM pg_catalog.pg_attribute a
                                WHERE a.attrelid = i.inhrelid AND a.attnum = -1)
  FROM pg_catalog.pg_inherits i JOIN tree ON i.inhparent = tree.oid)
SELECT c.oid, c.relfilenode, tree.attached, a.attnum, a.xmin,
       pg_catalog.concat(a.atttypid, ' ', a.atttypmod, ' ', a.attisdropped), a.atthasmissing
FROM tree JOIN pg_catalog.pg_class c ON c.oid = tree.oid
LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0)";

// VACUUM FULL writes what a column gave to old rows into them, and says so in the
// column's catalog row.
bool IsAltered(const TableState::Column& before, const TableState::Column& now) {
  if (before.written == now.written) return false;
  return !before.has_default_for_old_rows || now.has_default_for_old_rows ||
         before.type != now.type;
}

bool HasAltered(const TableState::Part& before, const TableState::Part& now) {
  return std::any_of(now.columns.begin(), now.columns.end(), [&](const auto& column) {
    const auto was = before.columns.find(column.first);
    return was == before.columns.end() || IsAltered(was->second, column.second);
  });
}

}  // namespace

std::string TableState::ToJson() const {
  nlohmann::json json = nlohmann::json::object();
  for (const auto& [oid, part] : parts) {
    nlohmann::json columns = nlohmann::json::object();
    for (const auto& [number, column] : part.columns) {
      columns[number] = {column.written, column.type, column.has_default_for_old_rows};
    }
    json[oid] = {part.storage, part.attached, std::move(columns)};
  }
  return json.dump();
}

TableState TableState::FromJson(const std::string& text) {
  TableState state;
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) return state;
  for (const auto& [oid, part] : json.items()) {
    Part& read = state.parts[oid];
    read.storage = part.at(0);
    read.attached = part.at(1);
    for (const auto& [number, column] : part.at(2).items()) {
      read.columns[number] = {column.at(0), column.at(1), column.at(2)};
    }
  }
  return state;
}

Result<TableState> ReadTableState(PGconn* connection, const RelationName& name) {
  AFL_ASSIGN(const QueryResult found, QueryParams(connection, kStates, {name.oid}));
  TableState state;
  for (int row = 0; row < PQntuples(found.get()); ++row) {
    TableState::Part& part = state.parts[Text(found, row, 0)];
    part.storage = Text(found, row, 1);
    part.attached = IsTrue(found, row, 2);
    if (PQgetisnull(found.get(), row, 3) != 0) continue;
    part.columns[Text(found, row, 3)] = {Text(found, row, 4), Text(found, row, 5),
                                         IsTrue(found, row, 6)};
  }
  return state;
}

bool IsWrittenAnew(const TableState& before, const TableState& now) {
  const bool is_gone = std::any_of(before.parts.begin(), before.parts.end(), [&](const auto& part) {
    return !now.parts.contains(part.first);
  });
  return is_gone || std::any_of(now.parts.begin(), now.parts.end(), [&](const auto& part) {
           const auto was = before.parts.find(part.first);
           if (was == before.parts.end()) return part.second.attached;
           return was->second.storage != part.second.storage &&
                  HasAltered(was->second, part.second);
         });
}

}  // namespace afluente::postgres
