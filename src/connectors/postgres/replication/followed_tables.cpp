#include "connectors/postgres/replication/followed_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "base/clock.h"
#include "connectors/postgres/catalog.h"

namespace afluente::postgres {
namespace {

// The stream does not send what ADD COLUMN ... DEFAULT gave to rows that stood
// there: the server itself keeps it as one value for all of them, and for a
// partitioned table with each partition.
// Source: PostgreSQL documentation, pg_attribute, attmissingval.
Result<std::map<std::string, std::string>> ReadDefaults(PGconn* catalog, std::uint32_t relation) {
  AFL_ASSIGN(const QueryResult found,
             QueryParams(catalog,
                         "WITH RECURSIVE tree(oid) AS (SELECT $1::oid UNION ALL SELECT i.inhrelid "
                         "FROM pg_catalog.pg_inherits i JOIN tree ON i.inhparent = tree.oid) "
                         "SELECT DISTINCT ON (attname) attname, (attmissingval::text::text[])[1] "
                         "FROM pg_catalog.pg_attribute JOIN tree ON attrelid = tree.oid WHERE "
                         "atthasmissing AND NOT attisdropped ORDER BY attname",
                         {std::to_string(relation)}));
  std::map<std::string, std::string> defaults;
  for (int row = 0; row < PQntuples(found.get()); ++row) {
    if (PQgetisnull(found.get(), row, 1) == 0) defaults[Text(found, row, 0)] = Text(found, row, 1);
  }
  return defaults;
}

// The stream does not say how many dimensions an array was declared with.
Status LearnDimensions(PGconn* catalog, std::uint32_t relation,
                       std::vector<CatalogColumn>& columns) {
  AFL_ASSIGN(const QueryResult found,
             QueryParams(catalog,
                         "SELECT attname, attndims FROM pg_catalog.pg_attribute WHERE attrelid = "
                         "$1::oid AND attndims > 1 AND NOT attisdropped",
                         {std::to_string(relation)}));
  for (int row = 0; row < PQntuples(found.get()); ++row) {
    for (CatalogColumn& column : columns) {
      if (column.name != Text(found, row, 0)) continue;
      column.type.dimensions = std::max(column.type.dimensions, std::stoi(Text(found, row, 1)));
    }
  }
  return Done{};
}

}  // namespace

std::uint32_t OidOf(const RelationName& relation) {
  return static_cast<std::uint32_t>(std::strtoul(relation.oid.c_str(), nullptr, 10));
}

FollowedTables::FollowedTables(FollowedTablesOptions options,
                               std::vector<FollowedIntegration> followed)
    : options_(std::move(options)), looked_at_(SystemClock().Monotonic()) {
  for (FollowedIntegration& one : followed) {
    auto table = std::make_unique<Table>();
    table->followed = std::move(one);
    by_relation_[OidOf(table->followed.relation)].push_back(table.get());
    tables_.push_back(std::move(table));
  }
}

std::vector<FollowedTables::Table*>* FollowedTables::TablesOf(std::uint32_t relation) {
  const auto found = by_relation_.find(relation);
  return found == by_relation_.end() ? nullptr : &found->second;
}

Status FollowedTables::Blame(const Table& table, Status status) {
  if (status.ok()) return status;
  culprit_ = table.followed.integration->name;
  return std::move(status).Within([&] {
    return fmt::format("{}: table {}", culprit_, table.followed.integration->source.table);
  });
}

Result<bool> FollowedTables::Learn(const RelationMessage& relation) {
  std::vector<Table*>* tables = TablesOf(relation.oid);
  if (tables == nullptr) return true;
  for (Table* table : *tables) {
    if (table->relation == relation) continue;
    if (table->collected != nullptr && !table->collected->empty()) return false;
    AFL_TRY(Blame(*table, LearnShape(*table, relation)));
  }
  return true;
}

Result<int> FollowedTables::Fold(std::uint32_t relation, const Message& message,
                                 const ChangeMoment& moment) {
  int places = 0;
  std::vector<Table*>* tables = TablesOf(relation);
  for (std::size_t i = 0; tables != nullptr && i < tables->size(); ++i) {
    Table& table = *(*tables)[i];
    if (moment.commit < table.followed.from) continue;
    const bool is_foreign =
        moment.has_origin && table.followed.integration->source.origin == estate::Origin::kNone;
    if (is_foreign) continue;
    const Result<int> taken = FoldRow(table, message, moment);
    if (!taken.ok()) return Blame(table, taken.error()).error();
    places = std::max(places, taken.value());
  }
  return places;
}

Result<int> FollowedTables::FoldRow(Table& table, const Message& message,
                                    const ChangeMoment& moment) {
  if (table.collected == nullptr) {
    if (table.shape == nullptr) {
      return Error(ErrorKind::kInternal, "a change arrived before the table's description");
    }
    table.collected = MakeCollector(*table.followed.integration, table.shape);
  }
  has_changes_ = true;
  bytes_ -= table.collected->bytes();
  Result<int> places = table.collected->Add(message, moment);
  bytes_ += table.collected->bytes();
  return places;
}

Status FollowedTables::OpenCatalog() {
  if (catalog_ != nullptr) return Done{};
  AFL_ASSIGN(catalog_, Connect(options_.endpoint.dsn, options_.endpoint.overrides));
  return Done{};
}

// A table that nobody changes after it was altered sends no description either.
Status FollowedTables::LookAtTables() {
  constexpr std::chrono::seconds kEvery{10};
  const auto now = SystemClock().Monotonic();
  if (now < looked_at_ + kEvery) return Done{};
  looked_at_ = now;
  for (const auto& table : tables_) AFL_TRY(Blame(*table, LookAt(*table)));
  return Done{};
}

// The catalog is ahead of the stream: what is seen too early is right later.
Status FollowedTables::LookAt(Table& table) {
  AFL_TRY(OpenCatalog());
  AFL_ASSIGN(TableState now, ReadTableState(catalog_.get(), table.followed.relation));
  if (now == table.followed.state) return Done{};
  if (IsWrittenAnew(table.followed.state, now)) {
    written_anew_ = true;
    return Error(ErrorKind::kSchemaMismatch, "rows changed that the stream does not send");
  }
  table.followed.state = std::move(now);
  return options_.on_state(table.followed.integration->name, table.followed.state);
}

Status FollowedTables::LearnShape(Table& table, const RelationMessage& relation) {
  AFL_TRY(OpenCatalog());
  AFL_TRY(LookAt(table));
  std::vector<ColumnSeed> seeds;
  for (const RelationColumn& column : relation.columns) {
    seeds.push_back({column.name, column.type_oid, column.typmod});
  }
  AFL_ASSIGN(auto columns, ResolveColumns(catalog_.get(), seeds));
  AFL_TRY(LearnDimensions(catalog_.get(), relation.oid, columns));
  AFL_ASSIGN(auto defaults, ReadDefaults(catalog_.get(), relation.oid));
  AFL_ASSIGN(auto shape, ShapeTable(relation, columns, *table.followed.integration, ++versions_,
                                    std::move(defaults)));
  const auto& as_text = shape->columns.cast_to_text;
  const auto first = std::find(as_text.begin(), as_text.end(), true);
  if (options_.binary && first != as_text.end()) {
    needs_text_ = true;
    const auto at = static_cast<std::size_t>(first - as_text.begin());
    return Error(ErrorKind::kTransient,
                 fmt::format("column \"{}\" needs the text form of values; the stream starts again "
                             "with it",
                             shape->columns.schema[at].name));
  }
  table.shape = std::move(shape);
  table.relation = relation;
  table.collected.reset();
  return Done{};
}

pipeline::ChangeSet FollowedTables::Take() {
  pipeline::ChangeSet set;
  set.bytes = std::exchange(bytes_, 0);
  has_changes_ = false;
  for (const auto& table : tables_) {
    if (table->collected == nullptr || table->collected->empty()) continue;
    set.changes += table->collected->changes();
    set.tables.push_back(table->collected->Take());
    table->collected = nullptr;
  }
  return set;
}

std::set<std::string> FollowedTables::AheadOf(Lsn position) const {
  std::set<std::string> ahead;
  for (const auto& table : tables_) {
    if (table->followed.from > position) ahead.insert(table->followed.integration->name);
  }
  return ahead;
}

}  // namespace afluente::postgres
