#include "connectors/postgres/destination_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "base/names.h"
#include "connectors/postgres/cell_encoder.h"
#include "data/postgres_types.h"

namespace afluente::postgres {
namespace {

using data::Kind;
using data::LogicalType;

// Source: PostgreSQL src/include/catalog/pg_type.dat.
constexpr std::uint32_t kNameOid = 19;
constexpr std::uint32_t kOidOid = 26;

// What the catalog says beyond CatalogColumn.
struct Writable {
  std::string cast;  // Quoted, so that no word of the grammar brings a length along.
  bool generated = false;
};

Result<std::map<std::string, Writable>> DescribeWritable(PGconn* connection,
                                                         const std::string& oid) {
  AFL_ASSIGN(
      const QueryResult found,
      QueryParams(connection,
                  "SELECT a.attname, pg_catalog.quote_ident(n.nspname) || '.\"' || "
                  "replace(t.typname, '\"', '\"\"') || '\"', a.attgenerated <> '' "
                  "FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid "
                  "JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace "
                  "WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped",
                  {oid}));
  std::map<std::string, Writable> columns;
  for (int row = 0; row < PQntuples(found.get()); ++row) {
    columns[Text(found, row, 0)] = {Text(found, row, 1), IsTrue(found, row, 2)};
  }
  return columns;
}

// ON CONFLICT needs an index over exactly these columns, of whole rows, that
// is checked at once.
Status CheckUniqueKey(PGconn* connection, const RelationName& name,
                      const std::vector<std::string>& key) {
  std::string wanted;
  for (const std::string& column : key) {
    wanted += (wanted.empty() ? "" : ", ") + QuoteIdentifier(column);
  }
  std::string literals;
  for (const std::string& column : key) {
    literals += (literals.empty() ? "" : ", ") + QuoteLiteral(column);
  }
  AFL_ASSIGN(
      const QueryResult found,
      Query(connection,
            fmt::format(
                "SELECT 1 FROM pg_catalog.pg_index i WHERE i.indrelid = {} AND i.indisunique AND "
                "i.indisvalid AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL AND "
                "(SELECT array_agg(a.attname::text ORDER BY a.attname::text) FROM "
                "pg_catalog.pg_attribute a WHERE a.attrelid = i.indrelid AND a.attnum = "
                "ANY((i.indkey::int2[])[0:i.indnkeyatts - 1])) = (SELECT array_agg(k ORDER BY k) "
                "FROM unnest(ARRAY[{}]::text[]) k)",
                name.oid, literals)));
  if (PQntuples(found.get()) != 0) return Done{};
  return Error(ErrorKind::kSchemaMismatch,
               fmt::format("write: upsert needs a unique index over the key; create it with "
                           "CREATE UNIQUE INDEX ON {} ({})",
                           name.sql_name, wanted));
}

const LogicalType& LeafOf(const LogicalType& type) {
  const LogicalType* leaf = &type;
  while (leaf->kind == Kind::kList) leaf = leaf->element.get();
  return *leaf;
}

// NOLINTNEXTLINE(misc-no-recursion): a list's element is a type.
LogicalType WithLeaf(const LogicalType& type, LogicalType leaf) {
  if (type.kind != Kind::kList) return leaf;
  return LogicalType::List(WithLeaf(*type.element, std::move(leaf)));
}

bool IsFloat(Kind kind) { return kind == Kind::kFloat32 || kind == Kind::kFloat64; }
bool IsInteger(Kind kind) {
  return kind == Kind::kInt16 || kind == Kind::kInt32 || kind == Kind::kInt64 ||
         kind == Kind::kUint32;
}
bool IsNumber(Kind kind) { return IsFloat(kind) || IsInteger(kind) || kind == Kind::kDecimal; }
bool IsTime(Kind kind) {
  return kind == Kind::kTime || kind == Kind::kTimeTz || kind == Kind::kTimestamp ||
         kind == Kind::kTimestampTz || kind == Kind::kInterval;
}

// Whether equal values of the type are the same value: 1.0 and 1.00 are not.
bool EqualIsSame(Kind kind, bool is_natural) {
  const bool is_loose = IsFloat(kind) || kind == Kind::kDecimal || kind == Kind::kInterval ||
                        kind == Kind::kJson || kind == Kind::kList;
  return is_natural && !is_loose;
}

const data::PostgresType* FindNatural(std::uint32_t oid) {
  const auto rows = data::NaturalPostgresTypes();
  const auto found = std::find_if(rows.begin(), rows.end(),
                                  [&](const data::PostgresType& row) { return row.oid == oid; });
  return found == rows.end() ? nullptr : &*found;
}

// PostgreSQL's casts round and cut in silence. Whether this one may.
bool MayChange(const LogicalType& from, const CatalogColumn& column) {
  const data::PostgresType* to = FindNatural(column.type.oid);
  if (to == nullptr || from.kind == Kind::kList) return false;
  if (column.type.oid == kNameOid) return true;
  if (IsTime(from.kind) && to->kind == Kind::kDate) return true;
  if (IsTime(from.kind) && IsTime(to->kind)) {
    const bool drops_date =
        (to->kind == Kind::kTime || to->kind == Kind::kTimeTz) && to->kind != from.kind;
    return drops_date || column.type.typmod != -1;
  }
  if (!IsNumber(from.kind) || !IsNumber(to->kind)) return false;
  if (to->kind == Kind::kDecimal) {
    if (column.type.typmod == -1) return false;
    const data::PostgresMapping mapping = data::MapPostgresType(column.type);
    return !duck::IsWidening(from.DuckdbName(), mapping.type.DuckdbName());
  }
  // Integers that are too large are refused by the cast itself.
  if (IsInteger(to->kind)) return !IsInteger(from.kind);
  if (from.kind == to->kind || (IsFloat(from.kind) && to->kind == Kind::kFloat64)) return false;
  const bool fits =
      from.kind == Kind::kInt16 || (from.kind == Kind::kInt32 && to->kind == Kind::kFloat64);
  return !fits;
}

DestinationColumn PlanColumn(LogicalType wire, const CatalogColumn& column,
                             const Writable& writable) {
  DestinationColumn plan;
  plan.name = column.name;
  plan.type_name = column.type_name;
  const std::uint32_t to = column.type.element_oid != 0 ? column.type.element_oid : column.type.oid;
  // An oid is a bigint here, unless it becomes one there: as an integer it
  // would turn negative in silence.
  if (LeafOf(wire).kind == Kind::kUint32 && to != kOidOid) {
    wire = WithLeaf(wire, {Kind::kInt64, 0, 0, nullptr});
  }
  plan.staged = WireTypeName(wire);
  const std::string value = "s." + QuoteIdentifier(column.name);
  const data::PostgresType* natural = FindNatural(to);
  const bool same_shape = (wire.kind == Kind::kList) == (column.type.element_oid != 0);
  const bool same_type =
      natural != nullptr && same_shape && WireTypeName(LeafOf(wire)) == natural->name;
  const bool text_like =
      natural != nullptr && same_shape && wire.kind == Kind::kText && natural->kind == Kind::kText;
  // Floats as their shortest text: the cast to numeric keeps 15 digits only.
  const std::string through = IsFloat(wire.kind) && natural != nullptr && !IsFloat(natural->kind)
                                  ? "::pg_catalog.text"
                                  : "";
  plan.expression = same_type || text_like ? value : value + through + "::" + writable.cast;
  if (MayChange(wire, column)) {
    const std::string back = wire.kind == Kind::kInterval ? "pg_catalog.text" : plan.staged;
    plan.changes =
        fmt::format("({}{}::{})::{} IS DISTINCT FROM {}{}", value, through, column.type_name, back,
                    value, wire.kind == Kind::kInterval ? "::text" : "");
  }
  plan.as_text = !EqualIsSame(natural == nullptr ? Kind::kJson : natural->kind,
                              natural != nullptr && column.type.element_oid == 0);
  plan.wire = std::move(wire);
  return plan;
}

struct Lists {
  std::string names;
  std::string expressions;
  std::string keys;
  std::string keys_match;
  std::string set;
  std::string differs;
  std::string differs_as_text;
};

void Add(std::string& list, std::string_view separator, const std::string& item) {
  if (!list.empty()) list += separator;
  list += item;
}

Lists ListsOf(const std::vector<DestinationColumn>& columns) {
  Lists lists;
  for (const DestinationColumn& column : columns) {
    const std::string name = QuoteIdentifier(column.name);
    Add(lists.names, ", ", name);
    Add(lists.expressions, ", ", column.expression);
    if (column.is_key) {
      Add(lists.keys, ", ", name);
      Add(lists.keys_match, " AND ", "d." + name + " = " + column.expression);
      continue;
    }
    const char* text = column.as_text ? "::text" : "";
    Add(lists.set, ", ", name + " = excluded." + name);
    Add(column.as_text ? lists.differs_as_text : lists.differs, " OR ",
        fmt::format("d.{0}{1} IS DISTINCT FROM excluded.{0}{1}", name, text));
  }
  // What is quick to compare goes first.
  if (!lists.differs_as_text.empty()) Add(lists.differs, " OR ", lists.differs_as_text);
  return lists;
}

DestinationStatements StatementsFor(const DestinationTable& table) {
  const Lists lists = ListsOf(table.columns);
  DestinationStatements sql;
  std::string staged;
  std::string changed;
  std::string any_changed;
  for (const DestinationColumn& column : table.columns) {
    Add(staged, ", ", QuoteIdentifier(column.name) + " " + column.staged);
    if (column.changes.empty()) continue;
    Add(changed, " ", fmt::format("WHEN {} THEN {}", column.changes, QuoteLiteral(column.name)));
    Add(any_changed, " OR ", column.changes);
  }
  sql.create_stage = fmt::format("CREATE TEMPORARY TABLE {} ({}) ON COMMIT DELETE ROWS",
                                 std::string(kStagingTable).substr(8), staged);
  sql.copy = fmt::format("COPY {} ({}) FROM STDIN (FORMAT binary)", kStagingTable, lists.names);
  sql.copy_keys = fmt::format("COPY {} ({}) FROM STDIN (FORMAT binary)", kStagingTable, lists.keys);
  if (!changed.empty()) {
    sql.find_changed_values = fmt::format("SELECT CASE {} END FROM {} AS s WHERE {} LIMIT 1",
                                          changed, kStagingTable, any_changed);
  }
  sql.insert =
      fmt::format("INSERT INTO {} AS d ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {} AS s",
                  table.sql_name, lists.names, lists.expressions, kStagingTable);
  // A row that stands there already is not written again: after a crash or a
  // restored database what is sent twice costs no space and wakes no trigger.
  sql.upsert =
      sql.insert + " ON CONFLICT (" + lists.keys + ") DO " +
      (lists.set.empty() ? "NOTHING" : "UPDATE SET " + lists.set + " WHERE " + lists.differs);
  sql.delete_staged = fmt::format("DELETE FROM {} AS d USING {} AS s WHERE {}", table.sql_name,
                                  kStagingTable, lists.keys_match);
  sql.delete_others = fmt::format(
      "DELETE FROM {} AS d WHERE NOT EXISTS (SELECT FROM {} AS s "
      "WHERE {})",
      table.sql_name, kStagingTable, lists.keys_match);
  sql.delete_all = "DELETE FROM " + table.sql_name;
  return sql;
}

Error NoSuchColumn(const std::string& column, const std::vector<CatalogColumn>& columns) {
  std::vector<std::string> names;
  for (const CatalogColumn& known : columns) names.push_back(known.name);
  return {ErrorKind::kNotFound,
          fmt::format("it has no column \"{0}\"{1}; add the column there, or rename or exclude it "
                      "under `columns:`",
                      column, DidYouMean(column, names))};
}

}  // namespace

Result<DestinationTable> DescribeDestination(PGconn* connection,
                                             const estate::Destination& destination,
                                             const std::vector<duck::TableColumn>& arriving,
                                             bool needs_unique_key) {
  AFL_ASSIGN(const RelationName name, FindRelation(connection, destination.connection_table));
  if (name.kind != 'r' && name.kind != 'p') {
    return Error(ErrorKind::kSchemaMismatch,
                 "it is not a table; name the table that holds the rows");
  }
  AFL_ASSIGN(const Relation relation, DescribeRelation(connection, name));
  AFL_ASSIGN(const auto writable, DescribeWritable(connection, name.oid));
  DestinationTable table;
  table.sql_name = name.sql_name;
  table.oid = name.oid;
  for (const duck::TableColumn& column : arriving) {
    const auto found =
        std::find_if(relation.columns.begin(), relation.columns.end(),
                     [&](const CatalogColumn& known) { return known.name == column.name; });
    if (found == relation.columns.end()) return NoSuchColumn(column.name, relation.columns);
    const Writable& how = writable.at(column.name);
    if (how.generated) {
      return Error(ErrorKind::kSchemaMismatch,
                   fmt::format("column \"{}\" is generated there and cannot be written; exclude it "
                               "under `columns:`",
                               column.name));
    }
    auto wire = LogicalType::FromDuckdbName(column.type);
    if (!wire) {
      return Error(ErrorKind::kSchemaMismatch,
                   fmt::format("column \"{}\" arrives as {}, which does not travel; cast it in "
                               "`transform`",
                               column.name, column.type));
    }
    DestinationColumn plan = PlanColumn(*std::move(wire), *found, how);
    const auto& key = destination.key;
    plan.is_key = std::find(key.begin(), key.end(), column.name) != key.end();
    table.columns.push_back(std::move(plan));
  }
  if (needs_unique_key) AFL_TRY(CheckUniqueKey(connection, name, destination.key));
  table.statements = StatementsFor(table);
  return table;
}

}  // namespace afluente::postgres
